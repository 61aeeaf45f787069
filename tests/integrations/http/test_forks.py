"""Celery's workers are forks: what the parent had open is not the child's to use."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fakes.server import Call, FakeServer, Reply
from tests.processes import BASE_DIR, build_environment

CHILDREN = 3
SCRIPT = """
import json, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import django
django.setup()
from integrations import budget
from integrations.http.client import VendorClient
from integrations.options import Options

# A fork's connection to the database is Celery's concern.
budget.take_slot = lambda *_: None
client = VendorClient("Acme", "crm", sys.argv[1], headers={}, options=Options())
ask = lambda path="/": client.send("GET", path).read_json()
parents = []
# While the children are made one connection is idle, and another in the middle of a request.
busy = threading.Thread(target=lambda: parents.append(ask("/slow")))
busy.start()
time.sleep(0.3)
parents.append(ask())
children = []
for _ in range(int(sys.argv[2])):
    theirs, ours = os.pipe()
    if os.fork() == 0:
        os.write(ours, json.dumps([ask(), ask()]).encode())
        os._exit(0)
    os.close(ours)
    children.append(theirs)
said = [json.loads(os.read(child, 1000)) for child in children]
for _ in children:
    os.wait()
busy.join()
print(json.dumps({"parent": parents, "after": ask(), "children": said}))
"""


class Connections(FakeServer):
    """Answers with the number of the connection."""

    def handle(self, call: Call) -> Reply:
        """Name the connection."""
        return Reply(json=call.connection)


def test_forks_have_connections_of_their_own(tmp_path: Path) -> None:
    """Each child works over one that neither parent nor sibling has, and the parent goes on."""
    with Connections() as fake:
        fake.slow(1, path="/slow")
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, fake.url, str(CHILDREN)],
            cwd=BASE_DIR,
            # No query is made: there is no such database.
            env=build_environment("postgres:///none", tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["after"] in said["parent"]
    assert all(first == second for first, second in said["children"])
    assert len({*said["parent"], *(first for first, _ in said["children"])}) == CHILDREN + 2
