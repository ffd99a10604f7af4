"""Messages of Live Partition Mobility: checks (9100), running migrations (9200), peers and trust (9300)."""

from ivmweb.common.errors import register
from migration.messages import checks, forcing, handover_record, peers, remote_systems, runs

register(checks.MESSAGES)
register(forcing.MESSAGES)
register(handover_record.MESSAGES)
register(runs.MESSAGES)
register(peers.MESSAGES)
register(remote_systems.MESSAGES)
