"""The command line over SSH at two real consoles: as a person types it, and as old programs drive it."""

import asyncio
import re
import time

import asyncssh
import pytest

from ivmweb.lab import data
from tests.bench.half import resident_kb
from tests.e2e.conftest import SLOW
from tests.e2e.world import wait_for
from tools.console import LOOPBACK

pytestmark = pytest.mark.e2e
PATIENCE_S = 30
MOST_GROWN_KB = 192 * 1024  # each password takes 19 MB while it is checked
MIGRATE = f"migrlpar -o m -t {data.ULI14.name} --ip uli14 -u padmin -p uli13lp1"
MOVE_BACK = f"migrlpar -o m -t {data.ULI13.name} --ip uli13 -u padmin -p uli13lp1"
ASK_THERE = f"lslparmigr -r virtualio -t {data.ULI14.name} --ip uli14 -u padmin --filter lpar_names=uli13lp1"


class Client:
    """Of one console, over one connection."""

    def __init__(self, world, console, user="padmin", password="padmin"):
        self.port = world.lab.consoles[console].ssh_port
        self.user, self.password = user, password

    async def __aenter__(self):
        self.link = await asyncssh.connect(
            LOOPBACK,
            self.port,
            username=self.user,
            password=self.password,
            known_hosts=None,
            client_keys=None,
            agent_path=None,
            config=None,
        )
        return self

    async def __aexit__(self, *_):
        self.link.close()
        await self.link.wait_closed()

    async def run(self, line, **options):
        return await asyncio.wait_for(self.link.run(line, **options), PATIENCE_S)

    async def out(self, line):
        done = await self.run(line)
        assert (done.exit_status, done.stderr) == (0, ""), done.stderr
        return done.stdout

    async def terminal(self, command=None, **options):
        process = await self.link.create_process(command, term_type="xterm", term_size=(200, 50), **options)
        return Terminal(process)


class Terminal:
    """As an expect script sees it."""

    def __init__(self, process):
        self.process, self.seen = process, ""

    async def until(self, pattern):
        """What came up to there; the rest waits."""
        while not (found := re.search(pattern, self.seen)):
            try:
                piece = await asyncio.wait_for(self.process.stdout.read(65536), PATIENCE_S)
            except TimeoutError:
                piece = ""
            assert piece, f"{pattern!r} never came; there was {self.seen!r}"
            self.seen += piece
        text, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return text

    def type(self, text):
        self.process.stdin.write(text)

    async def line(self, text):
        """Typed at the prompt; what came before the next one, without the echo."""
        self.type(f"{text}\r")
        said = await self.until(r"\$ $")
        return said.partition("\r\n")[2].removesuffix("$ ")


def play(scene):
    asyncio.run(asyncio.wait_for(scene, 3 * PATIENCE_S))


def test_a_migration_by_the_articles_commands(world):
    """Listing 9: with --async, looked at while it goes on, and when it is over."""

    async def scene():
        async with Client(world, "uli13") as here, Client(world, "uli14") as there:
            assert await here.out("hostname") == "uli13\n"
            assert await there.out("lssyscfg -r sys -F name") == f"{data.ULI14.name}\n"
            await asyncio.to_thread(world.limit_bandwidth, SLOW)
            terminal = await here.terminal(f"{MIGRATE} --async")
            await terminal.until("Password:")
            terminal.type("padmin\r")
            assert (await terminal.process.wait()).exit_status == 0
            going = await here.out(f'lslparmigr -r lpar -m {data.ULI13.name} --filter "lpar_names=uli13lp1"')
            assert re.fullmatch(
                "name=uli13lp1,lpar_id=2,migration_state=Migration Starting,migration_type=active,"
                f"dest_sys_name={data.ULI14.name},dest_lpar_id=2,source_msp_name=uli13,source_msp_id=1,"
                r"dest_msp_name=uli14,dest_msp_id=1,bytes_transmitted=\d+,bytes_remaining=\d+,"
                "remote_manager=uli14,remote_user=padmin\n",
                going,
            )
            await asyncio.to_thread(world.limit_bandwidth, 0)
            while "Migration Starting" in (await here.out("lslparmigr -r lpar --filter lpar_ids=2")):
                await asyncio.sleep(0.2)
            assert "vhost0" not in await here.out("lsmap -all")
            assert "U7998.60X.100E7DA-V1-C11" in await there.out("lsmap -vadapter vhost0")

    play(scene())


def test_a_synchronous_migration_returns_when_it_is_over(world):
    async def scene():
        async with Client(world, "uli13") as here:
            terminal = await here.terminal(f"{MIGRATE} -w 5; lslparmigr -r lpar --filter lpar_names=uli13lp1")
            await terminal.until("Password:")
            terminal.type("padmin\r")
            said = await terminal.until("migration_state=.*\r\n")
            assert said.strip().endswith("name=uli13lp1,lpar_id=2,migration_state=Not Migrating")
        async with Client(world, "uli14") as there:
            assert await there.out("lssyscfg -r lpar --filter lpar_names=uli13lp1 -F state") == "Running\n"

    play(scene())


def test_a_partition_arrives_with_the_id_and_slot_that_were_wanted(world):
    async def scene():
        async with Client(world, "uli13") as here, Client(world, "uli14") as there:
            terminal = await here.terminal(f'{MIGRATE} -i "dest_lpar_id=7,virtual_scsi_mappings=2/uli14/1/31"')
            await terminal.until("Password:")
            terminal.type("padmin\r")
            assert (await terminal.process.wait()).exit_status == 0
            assert await there.out("lssyscfg -r lpar --filter lpar_names=uli13lp1 -F lpar_id,state") == "7,Running\n"
            assert "-V1-C31" in await there.out("lsmap -vadapter vhost0 -field physloc -fmt :")
            back = await there.terminal(f"{MOVE_BACK} -i dest_lpar_id=2")  # as others know it
            await back.until("Password:")
            back.type("padmin\r")
            assert (await back.process.wait()).exit_status == 0
            listed = await here.out(f"{ASK_THERE} -F lpar_name,suggested_virtual_scsi_mappings")
            assert listed == "uli13lp1,2/uli14/1\n"  # by the token of this connection

    play(scene())


def test_consoles_that_trust_each_other_ask_no_password(world):
    """mkauthkeys once; from then on old automation runs without a terminal, until the key is removed there."""

    async def scene():
        async with Client(world, "uli13") as here, Client(world, "uli14") as there:
            assert (await here.run("mkauthkeys --ip uli14 -u padmin --test")).exit_status == 1
            assert await here.out("mkauthkeys --ip uli14 -u padmin --passwd padmin") == ""
            assert await here.out("mkauthkeys --ip uli14 -u padmin --test") == ""
            assert await here.out(MIGRATE) == ""
            assert await there.out("lssyscfg -r lpar --filter lpar_names=uli13lp1 -F state") == "Running\n"
            assert await there.out("mkauthkeys -r padmin@uli13") == ""
            done = await here.run("mkauthkeys --ip uli14 -u padmin --test")
            assert (done.exit_status, done.stderr[:21]) == (1, "[VIOSE01049000-9339] ")

    play(scene())


def test_a_dropped_connection_does_not_harm_the_migration(world):
    async def scene():
        await asyncio.to_thread(world.limit_bandwidth, SLOW)
        async with Client(world, "uli13") as here:
            terminal = await here.terminal(MIGRATE)
            await terminal.until("Password:")
            terminal.type("padmin\r")
            await until_open(world)
            here.link.abort()

    play(scene())
    world.limit_bandwidth(0)
    wait_for("the partition to arrive", lambda: world.partition("uli14", "uli13lp1"), PATIENCE_S)
    wait_for("it to run there", lambda: world.partition("uli14", "uli13lp1")["state"] == "Running", PATIENCE_S)


async def until_open(world):
    query = "select id from migration_migration where state = 'transferring'"
    while not await asyncio.to_thread(world.query, "uli13", query):
        await asyncio.sleep(0.1)


def test_ctrl_c_ends_the_command_and_stop_the_migration(world):
    async def scene():
        await asyncio.to_thread(world.limit_bandwidth, SLOW)
        async with Client(world, "uli13") as here:
            terminal = await here.terminal()
            await terminal.until(r"\$ $")
            terminal.type(f"{MIGRATE}\r")
            await terminal.until("Password:")
            terminal.type("padmin\r")
            await until_open(world)
            terminal.type("\x03")
            assert "[VIOSE01049000-9569]" in await terminal.until(r"\$ $")
            assert await terminal.line("echo $?") == "130\r\n"
            assert await terminal.line("migrlpar -o s -p uli13lp1") == ""
            while "Starting" in await terminal.line("lslparmigr -r lpar --filter lpar_names=uli13lp1"):
                await asyncio.sleep(0.1)
            assert await terminal.line("lssyscfg -r lpar --filter lpar_names=uli13lp1 -F state") == "Running\r\n"

    play(scene())


def test_without_a_terminal_no_password_is_asked(world):
    async def scene():
        async with Client(world, "uli13") as here:
            done = await here.run(MIGRATE)
            assert done.exit_status == 1
            assert done.stdout == ""
            assert done.stderr.startswith("[VIOSE01049000-9560] ")

    play(scene())


def test_the_prompt_edits_completes_and_remembers(world):
    async def scene():
        async with Client(world, "uli13") as here:
            terminal = await here.terminal()
            await terminal.until(r"\$ $")
            assert await terminal.line("hostname") == "uli13\r\n"
            assert await terminal.line("\x1b[A") == "uli13\r\n"  # the line before
            assert await terminal.line("hostnameX\x7f") == "uli13\r\n"
            assert (await terminal.line("lssys\t -r lpar -F na\x05me --filter lpar_ids=2")) == "uli13lp1\r\n"
            assert "vhost0" in await terminal.line("lsmap -vad\tvhost0")
            assert await terminal.line("pwd") == "/home/padmin\r\n"
            terminal.type("half a line\x03")
            await terminal.until(r"\^C\r\n\$ $")
            terminal.type("exit 3\r")
            assert (await terminal.process.wait()).exit_status == 3
            terminal = await here.terminal()
            await terminal.until(r"\$ $")
            terminal.type("\x04")
            assert (await terminal.process.wait()).exit_status == 0

    play(scene())


def test_fifty_sessions_at_once_are_answered_in_bounded_memory(world):
    async def one(number):
        async with Client(world, "uli13") as here:
            return await here.out(f"lssyscfg -r lpar -F name --filter lpar_ids={2 + number % 2}")

    async def scene():
        await one(0)
        pid = world.lab.processes["uli13/sshd"].pid
        before = resident_kb(pid=pid)
        names = await asyncio.gather(*(one(number) for number in range(50)))
        assert set(names) == {"uli13lp1\n", "uli13lp2\n"}
        grown = resident_kb("VmHWM", pid) - before
        assert grown < MOST_GROWN_KB, grown

    play(scene())


def test_what_is_not_a_shell_is_refused(world):
    async def scene():
        async with Client(world, "uli13") as here:
            with pytest.raises(asyncssh.ChannelOpenError):
                await here.link.open_connection(LOOPBACK, 80)
            with pytest.raises(asyncssh.ChannelListenError):
                await here.link.forward_remote_port(LOOPBACK, 0, LOOPBACK, 80)
            with pytest.raises((asyncssh.SFTPError, asyncssh.ChannelOpenError)):
                await here.link.start_sftp_client()
            done = await here.run("rm -rf /")
            assert (done.exit_status, done.stderr) == (127, "rksh: rm:  not found.\n")
            done = await here.run("lsmap -all > /etc/passwd")
            assert (done.exit_status, done.stdout) == (2, "")
            assert "[VIOSE01049000-9562]" in done.stderr
            done = await here.run("hostname " + "x" * 100_000)
            assert (done.exit_status, done.stdout) == (2, "")
            assert done.stderr.startswith("[VIOSE01049000-9561] ")
            with pytest.raises(asyncssh.ProtocolError):  # longer than any packet of SSH's
                await here.run("hostname " + "x" * 1_000_000)

    play(scene())


def test_a_viewer_looks_and_changes_nothing(world):
    async def scene():
        async with Client(world, "uli13", "viewer", "viewer") as here:
            assert "uli13lp1" in await here.out("lssyscfg -r lpar -F name")
            done = await here.run(MIGRATE)
            assert done.exit_status == 1
            assert "may not migrate partitions" in done.stderr

    play(scene())


def test_wrong_passwords_lock_the_door_for_pages_and_commands_alike(world):
    async def scene():
        for _attempt in range(11):
            with pytest.raises(asyncssh.PermissionDenied):
                async with Client(world, "uli14", "viewer", "wrong"):
                    pass
        with pytest.raises(asyncssh.PermissionDenied):
            async with Client(world, "uli14", "viewer", "viewer"):
                pass
        async with Client(world, "uli14") as here:
            assert await here.out("whoami") == "padmin\n"

    try:
        play(scene())
    finally:
        world.lab.manage("uli14", "axes_reset")  # others come from the same address
    rows = world.query("uli14", "select code from system_auditevent where thing = 'SSH' and outcome = 'refused'")
    assert len(rows) >= 12


def test_the_host_key_stays(world):
    async def scene():
        async with Client(world, "uli13") as here:
            return here.link.get_server_host_key().get_fingerprint()

    first = asyncio.run(scene())
    world.lab.kill("uli13/sshd")
    wait_for("the server to be back", lambda: is_back(world), 30)
    assert asyncio.run(scene()) == first


def is_back(world):
    async def look():
        async with Client(world, "uli13"):
            return True

    try:
        return asyncio.run(look())
    except OSError:
        time.sleep(0.2)
        return False


def test_a_virtual_terminal_follows_nobody_to_the_destination_and_says_where_it_is(world):
    async def scene():
        async with Client(world, "uli13") as here, Client(world, "uli13") as other:
            terminal = await here.terminal()
            await terminal.until(r"\$ $")
            terminal.type("mkvt -id 2\r")
            await terminal.until("uli13lp1 login: ")
            terminal.type("root\rhostname\r")
            await terminal.until("hostname\r\nuli13lp1\r\n# ")
            done = await other.run("mkvt -id 2")
            assert (done.exit_status, done.stdout) == (1, "")
            assert "Virtual terminal is already connected" in done.stderr
            mover = await other.terminal(MIGRATE)
            await mover.until("Password:")
            mover.type("padmin\r")
            assert (await mover.process.wait()).exit_status == 0
            said = await terminal.until(r"\$ $")
            assert "The console is closed" in said
            assert "[VIOSI01049000-9671] Partition uli13lp1 has moved to uli14" in said
        async with Client(world, "uli14") as there, Client(world, "uli14") as other:
            terminal = await there.terminal("mkvt -id 2")
            await terminal.until("uli13lp1 login: ")
            assert await other.out("rmvt -id 2") == ""
            assert "somebody else ended this terminal" in await terminal.until(r"terminal\.\r\n")
            assert (await terminal.process.wait()).exit_status == 0

    play(scene())
