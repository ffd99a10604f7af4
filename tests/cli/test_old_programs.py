"""What public programs ask of a real IVM, and how they take its answers apart: each finds here what it looks for."""

import re
import shlex
from datetime import UTC, datetime

import pytest

from ivmweb.lab import data
from ivmweb.system.models import LogicalPartition, VirtualEthernet, VirtualServerAdapter, VirtualTargetDevice


@pytest.fixture(autouse=True)
def cast(uli13lp1, uli13lp2):
    pass


@pytest.fixture
def without_disks(uli13lp2):
    """vhost1, with nothing mapped to it."""
    VirtualTargetDevice.objects.filter(adapter__partition=uli13lp2).delete()


# OpenStack's driver for an IVM: output is stripped, then split into lines.


def lines(prompt, line):
    found = prompt(line).strip().splitlines()
    assert (prompt.status, prompt.err) == (0, "")
    return found


def attributes(text):
    """Apart at commas, with double quotes as a shell has them; each pair has one equals sign."""
    splitter = shlex.shlex(text, posix=True)
    splitter.whitespace, splitter.whitespace_split = ",", True
    return dict(item.split("=") for item in splitter)


def test_openstack_knows_a_partition_by_the_line_of_its_profile_behind_its_own(prompt):
    own = lines(prompt, 'lssyscfg -r lpar --filter "lpar_names=uli13lp1"')
    profile = lines(prompt, 'lssyscfg -r prof --filter "lpar_names=uli13lp1"')
    found = attributes(f"{own[0]},{profile[0]}")
    assert (found["name"], found["lpar_id"], found["state"]) == ("uli13lp1", "2", "Running")
    assert int(found["uptime"]) > 0
    assert int(found["max_mem"]) >= int(found["desired_mem"]) > 0
    assert int(found["max_procs"]) > 0
    assert found["virtual_scsi_adapters"] == "2/client/1/uli13/11/1"


def test_openstack_takes_a_partition_for_gone_when_there_is_no_output(prompt):
    assert prompt('lssyscfg -r lpar --filter "lpar_names=nobody"').strip().splitlines() == []
    assert prompt.status == 0


def test_openstack_finds_the_adapter_of_a_client_by_its_hexadecimal_id(prompt):
    adapters = dict(item.split(":") for item in lines(prompt, "ioscli lsmap -all -field clientid svsa -fmt :"))
    assert adapters[f"{2:#010x}"] == "vhost0"


def test_openstack_finds_the_vlan_of_the_shared_adapter(prompt):
    shared = lines(prompt, "ioscli lsmap -all -net -field sea -fmt :")[0]
    assert lines(prompt, f"ioscli lsdev -dev {shared} -attr pvid") == ["value", "", str(data.VLAN_ID)]


def test_openstack_finds_the_shared_adapter_behind_a_network_without_one(prompt):
    VirtualEthernet.objects.update(vlan_id=9)
    VirtualEthernet.objects.create(vlan_id=2)
    shared = lines(prompt, "ioscli lsmap -all -net -field sea -fmt :")[0]
    assert lines(prompt, f"ioscli lsdev -dev {shared} -attr pvid")[2] == "9"


def test_openstack_lists_the_disks_of_an_adapter_by_their_numbers(prompt):
    left = lines(prompt, "ioscli lsmap -vadapter vhost0 -type disk lv -field LUN backing -fmt :")[0]
    found = {}
    while left:
        number, name, *rest = left.split(":", 2)
        found[number], left = name, "".join(rest)
    assert [found[number] for number in sorted(found)] == ["hdisk2", "hdisk5", "hdisk6", "hdisk7", "hdisk8"]


def test_openstack_finds_no_disk_where_there_is_none(prompt, without_disks):
    assert lines(prompt, "ioscli lsmap -vadapter vhost1 -field backing -fmt :") == []


def test_openstack_counts_memory_and_processors(prompt):
    memory = lines(prompt, "lshwres -r mem --level sys -F configurable_sys_mem,curr_avail_sys_mem")[0].split(",")
    assert int(memory[0]) >= int(memory[1]) >= 0
    processors = "lshwres -r proc --level sys -F configurable_sys_proc_units,curr_avail_sys_proc_units"
    total, free = lines(prompt, processors)[0].split(",")
    assert float(total) >= float(free) >= 0


def test_openstack_knows_physical_drives_by_the_client_that_has_them(prompt):
    """Asked for `backing clientid`, it takes the client first: what is the adapter's comes before the device's."""
    listed = lines(prompt, "ioscli lsmap -type disk -all -field backing clientid -fmt ,")
    client, *disks = listed[0].split(",")
    assert int(client, 16) == 2
    assert disks[0] == "hdisk2"
    assert lines(prompt, "ioscli lsdev -field name description physloc -fmt , -type optical -state available") == []


def test_openstack_lists_all_disks_and_their_identifiers(prompt):
    disks = [row for row in lines(prompt, "ioscli lsdev -type disk -field name") if row.startswith("hdisk")]
    assert disks == [f"hdisk{number}" for number in range(13)]
    assert lines(prompt, "ioscli lsdev -dev hdisk2 -attr pvid") == ["value", "", "none"]
    assert lines(prompt, "ioscli lsdev -dev hdisk2 -attr lun_id")[2] == "0x4011400400000000"
    assert int(lines(prompt, "ioscli lspv -size hdisk2")[0]) == data.LUN_SIZE_MB


def test_powervc_counts_the_migrations_that_are_possible(prompt):
    names = (
        "num_inactive_migrations_supported,num_active_migrations_supported,"
        "num_inactive_migrations_in_progress,num_active_migrations_in_progress"
    )
    assert [int(number) for number in lines(prompt, f"lslparmigr -r sys -F {names}")[0].split(",")] == [40, 4, 0, 0]


# xCAT: types at a prompt, and has the status printed behind each command.


def typed(prompt, command):
    """As it takes an answer apart: status, then lines."""
    text = (prompt(f"{command}; echo Rc=$?") + prompt.err).replace("\n", "\r\n")
    status = re.search(r"Rc=([0-9])+\r\n", text)
    text = text.replace(status[0], "")
    if int(status[1]):
        return "error"
    return "none" if "No results were found" in text else [row for row in text.split("\r\n") if row]


def test_xcat_knows_the_console_the_server_and_its_partitions(prompt):
    model, serial, vios = typed(prompt, "lsivm")[0].split(",")
    assert (model, serial, vios) == ("7998-61X", "100390A", "1")
    name, model, serial, _address = typed(prompt, "lssyscfg -r sys -F name,type_model,serial_num,ipaddr")[0].split(
        ","
    )
    assert f"{model}*{serial}" == data.ULI13.identity
    listed = typed(prompt, f"lssyscfg -r lpar -m {model}*{serial} -F name,lpar_id,default_profile,curr_profile")
    assert [row.split(",")[:3] for row in listed][1] == ["uli13lp1", "2", "uli13lp1"]
    assert name == data.ULI13.name


def test_xcat_tells_nothing_found_from_an_error(prompt):
    assert typed(prompt, "lssyscfg -r lpar -m 7998-61X*100390A -F name --filter lpar_ids=99") == "none"
    assert typed(prompt, "lssyscfg -r frame -F name") == "error"
    assert typed(prompt, "lshmc -v") == "error"


def test_xcat_reads_memory_processors_slots_and_reference_codes(prompt, uli13lp1):
    system = data.ULI13.identity
    assert int(typed(prompt, f"lshwres -r mem -m {system} -F installed_sys_mem --level sys")[0]) > 0
    for kind in ("proc", "mem"):
        rows = typed(
            prompt, f"lshwres -r {kind} -m {system} -F lpar_id,curr_{kind}{'s' * (kind == 'proc')} --level lpar"
        )
        assert all(int(value) > 0 for row in rows for value in row.split(","))
    slots = typed(prompt, f"lshwres -r io --rsubtype slot -m {system} -F drc_name,bus_id,description")
    assert all(len(row.split(",")) == 3 for row in slots)
    uli13lp1.reference_codes.create(code="Linux ppc64", time="2026-01-02T03:04:05Z")
    row = typed(prompt, f"lsrefcode -r lpar -m {system} --filter lpar_ids=2")[0]
    assert re.search(r"refcode=(\w*)", row)[1] == "Linux"


# libvirt's driver


def test_libvirt_takes_it_for_an_ivm_and_counts_its_partitions(prompt, uli13lp1):
    assert prompt("lshmc -V") == ""
    assert prompt.status != 0
    assert prompt("lssyscfg -r lpar -F lpar_id,state |grep -c Running") == "2\n"
    assert prompt('lssyscfg -r lpar -F lpar_id,state |grep -c "Not Activated"') == "1\n"
    assert prompt("lssyscfg -r lpar -F lpar_id,state |grep -c '^[0-9][0-9]*'") == "3\n"
    assert prompt("lssyscfg -r lpar --filter lpar_names=uli13lp1 -F lpar_id") == "2\n"
    assert prompt("lssyscfg -r lpar --filter lpar_ids=2 -F name") == "uli13lp1\n"
    assert prompt("lshwres -r mem --level lpar -F curr_mem --filter lpar_ids=2") == f"{uli13lp1.memory_mb}\n"
    assert prompt("lshwres -r proc --level lpar -F curr_procs --filter lpar_ids=2").strip().isdigit()


def test_libvirt_names_no_level_with_scsi_adapters(prompt):
    assert prompt("lshwres -r virtualio --rsubtype scsi -F remote_slot_num --filter lpar_names=uli13lp1") == "11\n"
    prompt("lshwres -r virtualio --rsubtype eth")
    assert "[VIOSE01040120-0006] Required parameter --level" in prompt.err


def test_libvirt_finds_an_adapter_without_devices_by_the_comma_at_its_end(prompt, without_disks):
    listed = prompt.lines("lsmap -all -field svsa backing -fmt , ")
    assert [row.rstrip(",") for row in listed if not re.search(r",[^.*]", row)] == ["vhost1"]


# Scripts of a cloud's manager: fields between colons and commas, by number.


def test_scripts_go_from_a_profile_to_the_adapter_and_to_its_disks(prompt):
    profiles = prompt.lines(
        "lssyscfg -r prof -F lpar_id,os_type,min_mem,desired_mem,max_mem,proc_mode,min_proc_units,desired_proc_units,"
        "max_proc_units,min_procs,desired_procs,max_procs,sharing_mode,uncap_weight,virtual_scsi_adapters,"
        'virtual_eth_adapters --filter lpar_names="uli13lp1"'
    )
    slot = profiles[0].split(",")[14].split("/")[4]
    adapters = prompt.lines("ioscli lsmap -all -field physloc svsa -fmt :")
    assert [row.split(":")[1] for row in adapters if f"-C{slot}:" in row] == ["vhost0"]
    disks = next(
        row
        for row in prompt.lines("ioscli lsmap -all -type disk -field physloc backing -fmt :")
        if f"-C{slot}:" in row
    )
    assert disks.split(":")[1:] == ["hdisk2", "hdisk5", "hdisk6", "hdisk7", "hdisk8"]
    numbered = prompt.lines("ioscli lsmap -all -type lv disk cl_disk -field physloc lun backing -fmt :")[0].split(
        ":"
    )[1:]
    assert numbered[:2] == ["0x8100000000000000", "hdisk2"]
    assert prompt.lines("ioscli lsmap -vadapter vhost0 -field vtd backing -fmt :")[0].split(":")[:2] == [
        "vtscsi0",
        "hdisk2",
    ]


def test_scripts_find_the_vlans_of_a_shared_adapter_by_the_slot_of_its_trunk(prompt):
    shared = [row.split()[0] for row in prompt.lines("ioscli lsdev -type sea") if "Available" in row]
    table = dict(row.split()[:2] for row in prompt.lines(f"ioscli lsdev -dev {shared[0]} -attr") if row)
    trunks = [row.split(":") for row in prompt.lines("ioscli lsmap -all -net -field svea physloc bdphysloc -fmt :")]
    slot = next(row[1].split("-")[2].removeprefix("C") for row in trunks if row[0] == table["pvid_adapter"])
    wanted = f"lpar_ids=1,slots={slot}"
    found = prompt(
        f"lshwres -r virtualio --rsubtype eth --level lpar --filter {wanted} -F port_vlan_id,addl_vlan_ids"
    )
    assert found == f"{data.VLAN_ID},none\n"
    assert table["virt_adapters"] == table["pvid_adapter"]


def test_scripts_filter_one_value_on_the_server(prompt):
    assert prompt("ioscli lsdev -dev hdisk2 -attr unique_id|grep -v value|grep -v ^$") == f"{data.unique_id(2)}\n"
    assert prompt("ioscli lsdev -dev hdisk2 -field status -fmt :") == "Available\n"
    assert prompt("ioscli lsdev -type sea -fmt ':'|grep ent").count("\n") == 1
    assert prompt("ioscli lspv | grep -v NAME").split()[0] == "hdisk0"


def test_scripts_look_for_free_disks(prompt):
    assert prompt.lines("ioscli lspv -avail -field name -fmt :") == ["hdisk0", "hdisk3", "hdisk4"]
    assert prompt.lines("lspv -size -field NAME SIZE -fmt :")[2] == f"hdisk2:{data.LUN_SIZE_MB}"
    assert prompt.lines("lspv -size -fmt :")[2] == f"hdisk2:none:{data.LUN_SIZE_MB}"
    assert prompt.lines("/usr/ios/cli/ioscli lspv -fmt : -field name pvid vg")[2] == "hdisk2:none:None"
    assert prompt.lines("lspv -field name vg")[:2] == ["NAME             VG", "hdisk0           None"]
    prompt("lspv -field size")
    assert "There is no attribute size here; there are: pvname, pvid, vgname, status." in prompt.err


def test_scripts_name_a_system_with_an_asterisk(prompt):
    assert prompt("lssyscfg -r sys -F type_model*serial_num") == f"{data.ULI13.identity}\n"
    assert prompt("lssyscfg -r lpar -F 'name;lpar_id' --filter lpar_ids=2") == "uli13lp1;2\n"


# Inventories: regular expressions over whole listings


def test_an_inventory_takes_blocks_apart(prompt):
    rule = "--------------- -------------------------------------------- ------------------"
    found = {}
    for block in prompt("/usr/ios/cli/ioscli lsmap -all").split(rule)[1:]:
        head = re.match(r"\s*([\w\-.]+)\s+([\w.\-]+)\s+.*LUN\s*0[xX](\d+)", block, re.DOTALL)
        slot = re.search(r"-[Cc](\d+)", head[2])[1]
        found[head[1]] = slot, re.findall(r"Backing device\s+([\w/.\-]+)", block)
    assert found["vhost0"] == ("11", ["hdisk2", "hdisk5", "hdisk6", "hdisk7", "hdisk8"])
    rule = "------ --------------------------------------------"
    block = prompt("ioscli lsmap -all -net").split(rule)[1]
    adapter, shared, backing = re.match(r"\s*(\w+)\s.*SEA\s+(\w+).*Backing device\s+(\w+)", block, re.DOTALL).groups()
    assert (backing, shared != adapter) == ("ent0", True)
    ports = [row.split(":") for row in prompt.lines("ioscli lsdev -dev 'ent*' -field name physloc -fmt :")]
    assert {adapter, shared, backing} == {name for name, _location in ports}


def test_an_inventory_reads_each_device_of_a_listing(prompt):
    text = prompt("lsmap -all")
    assert re.findall(r"^\s*(vhost\d+)\s+([.\-\w]+)\s+(0x\w+)\s*$", text, re.MULTILINE) == [
        ("vhost0", "U7998.61X.100390A-V1-C11", "0x00000002"),
        ("vhost1", "U7998.61X.100390A-V1-C13", "0x00000000"),
    ]
    pattern = (
        r"^VTD\s+([\w_\-]+)\s*\nStatus\s+(Available|Defined)\s+LUN\s+(0x\w+)\s+"
        r"Backing\sdevice\s+([\w\-_.]+)\s+Physloc"
    )
    assert len(re.findall(pattern, text, re.MULTILINE)) == 10
    pattern = (
        r"\s*(ent\d+)\s+(\w{5}.\w{3}.\w{7}-V\d+-C\d+-T\d+)\s+SEA\s+(ent\d+)\s+Backing\s+device\s+(ent\d+)\s+Status"
    )
    assert re.search(pattern, prompt("lsmap -all -net"))


def test_a_playbook_takes_six_fields_for_each_device(prompt, without_disks):
    found = {}
    for row in prompt.lines("/usr/ios/cli/ioscli lsmap -all -fmt ,"):
        fields = [field.strip() for field in row.split(",")]
        assert len(fields) >= 9
        devices = [fields[at : at + 6] for at in range(3, len(fields), 6) if fields[at]]
        found[fields[0]] = int(fields[2], 16), [(one[3], one[5] != "false") for one in devices]
    assert found["vhost0"] == (2, [(f"hdisk{number}", False) for number in (2, 5, 6, 7, 8)])
    assert found["vhost1"] == (0, [])


def test_a_script_asks_by_the_heads_of_the_columns(prompt):
    rows = prompt.lines('lsmap -all -field svsa vtd "Client Partition ID" Physloc -fmt :')
    adapter, client, location = re.search(r"(vhost\d+):(0x[^:]+):([^:]+):.*vtscsi4", rows[0]).groups()
    assert (adapter, int(client, 16), location) == ("vhost0", 2, "U7998.61X.100390A-V1-C11")
    assert prompt("lsmap -vadapter vhost0 -field 'Backing Device' -fmt :").startswith("hdisk2:hdisk5:")


# LPAR2RRD: a language before each command, and the time of the console


@pytest.mark.parametrize(
    "before", ["export LANG=en_US;", "LC_ALL=en_US LANG=en_US LC_NUMERIC=en_US", "LANG=C ioscli", "LANG=C;"]
)
def test_a_language_before_a_command_has_no_effect(prompt, before):
    assert prompt(f"{before} hostname") == "uli13\n"
    assert (prompt.status, prompt.err) == (0, "")


def test_another_variable_is_refused_and_nothing_is_run(prompt):
    assert prompt("PATH=/tmp hostname") == ""
    assert (prompt.status, "A variable (PATH)" in prompt.err) == (2, True)
    assert prompt("a=b/c=d whoami") == ""
    assert prompt("=x") == ""
    assert prompt.status == 127


def test_lpar2rrd_compares_the_clocks(prompt, monkeypatch):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr("ivmweb.cli.commands.date.timezone.now", lambda: now)
    assert prompt("date") == "Fri Jan  2 03:04:05 UTC 2026\n"
    assert prompt('export LANG=en_US; date "+%m/%d/%Y %H:%M:%S"') == "01/02/2026 03:04:05\n"
    assert prompt("date '+%z'") == "+0000\n"
    assert prompt("date '+%Y-%m-%dT%H:%M:%S%z'") == "2026-01-02T03:04:05+0000\n"
    assert prompt("date '+100%% 时间'") == "100% 时间\n"
    for wrong in ("date 0102030426", "date +%", "date +%Q", "date '+%100000d'"):
        assert prompt(wrong) == ""
        assert (prompt.status, "needed: one format" in prompt.err) == (1, True), wrong


# What the mends must not break


def test_every_device_tells_its_attributes(prompt):
    for name in prompt.lines("lsdev -field name -fmt :"):
        table = prompt.lines(f"lsdev -dev {name} -attr")
        assert prompt.status == 0
        assert table[0].split() == ["attribute", "value", "description", "user_settable"]
        assert all(row.endswith(("True", "False")) for row in table[2:])
    assert (
        prompt("lsdev -dev vtscsi0 -attr")
        == "attribute       value              description          user_settable\n"
        + "\n"
        + "LogicalUnitAddr 0x8100000000000000 Logical Unit Address False\n"
        + "aix_tdev        hdisk2             Target Device Name   False\n"
    )


def test_a_pattern_lists_devices_and_nothing_else(prompt):
    assert prompt.lines("lsdev -dev vhost* -field name -fmt :") == ["vhost0", "vhost1"]
    assert prompt("lsdev -dev rmt* -field name -fmt :") == ""
    assert (prompt.status, "there is no device rmt* on uli13" in prompt.err) == (1, True)
    prompt("lsdev -dev 'hdisk*' -attr pvid")
    assert (prompt.status, "the name of one device, with -attr" in prompt.err) == (1, True)


def test_names_with_anything_in_them_stay_whole_behind_any_separator(prompt, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(name='a*b "分区"')
    assert prompt("lssyscfg -r lpar -F name*lpar_id --filter lpar_ids=2") == '"a*b ""分区"""*2\n'
    VirtualServerAdapter.objects.filter(partition=uli13lp1).update(name="vhost7")
    assert prompt("lsmap -vadapter vhost7 -field clientid -fmt :") == "0x00000002\n"
