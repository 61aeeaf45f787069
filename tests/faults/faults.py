"""Every way in which the harness breaks the product's world, in the order of a report."""

from tests.faults.breaking import broker, postgres, product, surroundings
from tests.faults.fault import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        product.web_worker_killed,
        product.web_master_killed,
        product.worker_killed,
        product.worker_child_killed,
        product.worker_frozen,
        broker.broker_killed,
        broker.broker_hanging,
        broker.broker_slow,
        broker.broker_emptied,
        postgres.postgres_restarted,
        postgres.postgres_hanging,
        postgres.postgres_full_of_connections,
        postgres.postgres_disk_full,
        product.beat_dead,
        surroundings.clock_stepped,
        surroundings.downstream_dead,
        surroundings.poison_event,
        product.deploy,
    )
}
