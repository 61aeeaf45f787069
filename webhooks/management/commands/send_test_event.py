"""Send what a sender would, and see whether the receiver does what it must."""

import argparse
import os
import statistics
import time
from collections import Counter
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from webhooks.management.terminal import build_progress, print_table, read_secret
from webhooks.operations.demo import SOURCE
from webhooks.operations.scenarios import SCENARIOS, Burst, accepted, explain_answer, is_duplicate
from webhooks.operations.signer import NoSecretError, Signer, find_signer
from webhooks.operations.simulator import TIMEOUT, Sender
from webhooks.operations.sources import SCHEMES

DEFAULT_URL = "http://127.0.0.1:8000"
INTERRUPTED = 130
MOST_AT_ONCE = 64


def read_count(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def read_concurrency(text: str) -> int:
    """Read how many deliveries may be under way at once."""
    return min(read_count(text), MOST_AT_ONCE)


def read_fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return fraction


class Command(BaseCommand):
    help = (
        "Signs and posts events as the sender does, and tells whether the receiver answered as it"
        " must: 0 if it did, 1 if not. Works against any receiver; how to sign is taken from the"
        " source where the database has it, else from --scheme and --secret."
    )
    # A receiver elsewhere is tested without any database here.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scenario",
            choices=(*SCENARIOS, "burst"),
            default="conversation",
            help="; ".join(
                f"{name}: {(plan.__doc__ or '').rstrip('.').lower()}"
                for name, plan in SCENARIOS.items()
            )
            + "; burst: many conversations at once (default: %(default)s)",
        )
        parser.add_argument(
            "--url",
            default=os.environ.get("RECEIVER_URL") or DEFAULT_URL,
            help="the receiver, without /webhooks/ (default: RECEIVER_URL, or %(default)s)",
        )
        parser.add_argument("--source", default=SOURCE, metavar="SLUG")
        parser.add_argument(
            "--secret",
            default="",
            help="the source's signing secret, or - to read it from standard input, where others"
            " cannot see it (default: DEMO_SIGNING_SECRET for the source demo, else the newest"
            " active secret in the database)",
        )
        parser.add_argument(
            "--scheme",
            choices=SCHEMES,
            default="",
            help="how to sign (default: as the source in the database says, else as the sender)",
        )
        burst = parser.add_argument_group("burst")
        burst.add_argument(
            "--count", type=read_count, default=100, help="conversations (default: %(default)s)"
        )
        burst.add_argument(
            "--concurrency",
            type=read_concurrency,
            default=8,
            help=f"deliveries under way at once, up to {MOST_AT_ONCE} (default: %(default)s)",
        )
        burst.add_argument(
            "--duplicates",
            type=read_fraction,
            default=0.0,
            metavar="FRACTION",
            help="share of the events that are delivered twice (default: none)",
        )
        burst.add_argument("--shuffle", action="store_true", help="in random order")
        burst.add_argument(
            "--seed", type=int, help="the same conversations and order again, under new ids"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        url = f"{options['url'].rstrip('/')}/webhooks/{quote(options['source'], safe='')}/"
        if not url.startswith(("http://", "https://")):
            raise CommandError("--url must begin with http:// or https://.")
        try:
            signer = find_signer(
                options["source"], read_secret(options["secret"]), options["scheme"]
            )
            if options["scenario"] == "burst":
                names = ("count", "duplicates", "shuffle", "seed")
                burst = Burst(**{name: options[name] for name in names})
                self.send_burst(url, signer, burst, options["concurrency"])
            else:
                self.send_steps(url, signer, options["scenario"])
        except NoSecretError as error:
            raise CommandError(str(error)) from error
        except ValueError as error:
            raise CommandError("The secret is not one of the scheme's form.") from error
        except httpx.TimeoutException as error:
            raise CommandError(f"{url} did not answer within {TIMEOUT:g} s.") from error
        except httpx.TransportError as error:
            raise CommandError(
                f"No connection to {url} ({error}): does the receiver run, and is that its address?"
            ) from error
        except httpx.InvalidURL as error:
            raise CommandError(f"{url} is no address: {error}.") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None

    def send_steps(self, url: str, signer: Signer, scenario: str) -> None:
        """Deliver a scenario's steps one after the other, and print what came of each."""
        if scenario == "stale" and not signer.signs_timestamp:
            raise CommandError("The source signs no timestamp, so it cannot tell what is stale.")
        steps = SCENARIOS[scenario](timezone.now())
        with Sender(url, signer) as sender:
            answers = [sender.deliver(step.delivery) for step in steps]
        print_table(
            self.stdout,
            f"Scenario {scenario}, to {url}",
            ("Event", "Event id", "Expected", "Answered", "Reason", "Tries", "ms"),
            (
                (
                    step.delivery.event.event_type,
                    step.delivery.event.event_id,
                    f"{step.http_status} {step.outcome}",
                    f"{answer.http_status} {answer.outcome}",
                    answer.reason,
                    answer.tries,
                    f"{answer.seconds * 1000:.1f}",
                )
                for step, answer in zip(steps, answers, strict=True)
            ),
        )
        for step, answer in zip(steps, answers, strict=True):
            if not step.is_met_by(answer):
                raise CommandError(explain_answer(step, answer, url))

    def send_burst(self, url: str, signer: Signer, burst: Burst, concurrency: int) -> None:
        """Deliver many conversations at once, and print the sum of it.

        Ends at the first answer that no genuine event should get: the next would be like it.
        """
        owed: Counter[str] = Counter()
        answered: Counter[str] = Counter()
        times: list[float] = []
        started = time.perf_counter()
        deliveries = burst.plan(
            timezone.now(), lambda conversation: owed.update(conversation.shape.count_owed())
        )
        with Sender(url, signer, concurrency) as sender, build_progress() as progress:
            task = progress.add_task("Events", total=3 * burst.count)
            with closing(sender.deliver_all(deliveries)) as answers:
                for answer in answers:
                    step = accepted(answer.delivery)
                    if is_duplicate(answer):
                        answered["duplicates"] += 1
                    elif step.is_met_by(answer):
                        answered["accepted"] += 1
                        progress.advance(task)
                    else:
                        raise CommandError(explain_answer(step, answer, url))
                    answered["tried again"] += answer.tries > 1
                    times.append(answer.seconds)
        self.show_burst(url, time.perf_counter() - started, answered, owed, times)
        self.judge_burst(3 * burst.count, answered)

    def show_burst(
        self,
        url: str,
        seconds: float,
        answered: Counter[str],
        owed: Counter[str],
        times: list[float],
    ) -> None:
        """Print what a burst came to."""
        centiles = statistics.quantiles(times, n=100, method="inclusive")
        print_table(
            self.stdout,
            f"Burst, to {url}",
            ("What", "How much"),
            (
                ("deliveries", len(times)),
                ("  accepted", answered["accepted"]),
                ("  duplicates", answered["duplicates"]),
                ("  tried again", answered["tried again"]),
                ("seconds", f"{seconds:.1f}"),
                ("deliveries a second", f"{len(times) / seconds:.0f}"),
                ("ms to the answer: median", f"{centiles[49] * 1000:.1f}"),
                ("ms to the answer: 95 of 100 within", f"{centiles[94] * 1000:.1f}"),
                *(
                    (f"effects owed by the default routes: {integration}", count)
                    for integration, count in owed.items()
                ),
            ),
        )

    def judge_burst(self, events: int, answered: Counter[str]) -> None:
        """Refuse a sum in which an event was accepted twice, or never.

        Where a delivery was tried again, its first try may have been accepted unheard.
        """
        unheard = answered["tried again"]
        if not events - unheard <= answered["accepted"] <= events:
            raise CommandError(
                f"The receiver accepted {answered['accepted']} deliveries as new, of {events}"
                " events."
            )
