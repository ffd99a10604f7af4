"""The attributes that IBM's listings have: each can be asked for, in IBM's order, and none is made up."""

from datetime import UTC, datetime

import pytest

LPAR = (
    "name,lpar_id,lpar_env,state,resource_config,os_version,logical_serial_num,default_profile,curr_profile,"
    "work_group_id,allow_perf_collection,power_ctrl_lpar_ids,boot_mode,lpar_keylock,auto_start,uptime,"
    "lpar_avail_priority,desired_lpar_proc_compat_mode,curr_lpar_proc_compat_mode,virtual_eth_mac_base_value,rmc_state,"
    "rmc_ipaddr,rmc_osshutdown_capable,dlpar_mem_capable,dlpar_proc_capable,dlpar_io_capable"
)
PROF = (
    "name,lpar_name,lpar_id,os_type,all_resources,mem_mode,min_mem,desired_mem,max_mem,proc_mode,min_proc_units,"
    "desired_proc_units,max_proc_units,min_procs,desired_procs,max_procs,sharing_mode,uncap_weight,io_slots,"
    "lpar_io_pool_ids,max_virtual_slots,virtual_serial_adapters,virtual_scsi_adapters,virtual_eth_adapters,"
    "virtual_fc_adapters,boot_mode,conn_monitoring,auto_start,power_ctrl_lpar_ids,lhea_logical_ports,"
    "lhea_capabilities,lpar_proc_compat_mode"
)
CAPABILITIES = (
    "active_lpar_mobility_capable,inactive_lpar_mobility_capable,cod_proc_capable,vet_activation_capable,"
    "shared_proc_capable,active_lpar_share_idle_procs_capable,micro_lpar_capable,dlpar_mem_capable,"
    "assign_phys_io_capable,lpar_avail_priority_capable,lpar_proc_compat_mode_capable,virtual_fc_capable,"
    "active_mem_sharing_capable"
)
SYS = (
    f"name,type_model,serial_num,ipaddr,state,sys_time,capabilities,{CAPABILITIES},max_lpars,max_power_ctrl_lpars,"
    "service_lpar_id,curr_configured_max_lpars,pend_configured_max_lpars,lpar_proc_compat_modes"
)
MEMORY = (
    "configurable_sys_mem,curr_avail_sys_mem,pend_avail_sys_mem,installed_sys_mem,max_capacity_sys_mem,"
    "deconfig_sys_mem,sys_firmware_mem,mem_region_size"
)
PROCESSORS = (
    "configurable_sys_proc_units,curr_avail_sys_proc_units,pend_avail_sys_proc_units,installed_sys_proc_units,"
    "max_capacity_sys_proc_units,deconfig_sys_proc_units,min_proc_units_per_virtual_proc,max_virtual_procs_per_lpar,"
    "max_procs_per_lpar,max_curr_virtual_procs_per_aixlinux_lpar,max_curr_procs_per_aixlinux_lpar"
)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("lssyscfg -r lpar", LPAR),
        ("lssyscfg -r prof", PROF),
        ("lssyscfg -r sys", SYS),
        ("lshwres -r mem --level sys", MEMORY),
        ("lshwres -r proc --level sys", PROCESSORS),
    ],
)
def test_all_of_ibm_s_attributes_in_ibm_s_order(prompt, uli13lp1, line, names):
    assert prompt.lines(f"{line} -F --header")[0] == names
    assert len(prompt.lines(f"{line} -F {names}")) >= 1
    assert (prompt.status, prompt.err) == (0, "")


def test_what_is_not_recorded_is_null_and_left_out_of_pairs(prompt, uli13lp1):
    assert prompt("lssyscfg -r lpar -F lpar_avail_priority --filter lpar_ids=2") == "null\n"
    assert prompt("lshwres -r mem --level sys -F max_capacity_sys_mem") == "null\n"
    assert prompt("lshwres -r proc --level sys -F max_capacity_sys_proc_units") == "null\n"
    for line in ("lssyscfg -r lpar", "lshwres -r mem --level sys", "lshwres -r proc --level sys"):
        assert "null" not in prompt(line)
        assert "max_capacity" not in prompt.out
        assert "lpar_avail_priority" not in prompt.out


def test_units_have_two_decimals_also_where_there_are_none(prompt, uli13lp1, uli13lp2):
    run = "run_procs,run_proc_units,run_uncap_weight"
    assert prompt(f"lshwres -r proc --level lpar -F {run} --filter lpar_ids=3") == "0,0.00,0\n"
    assert prompt("lshwres -r mem --level lpar -F run_min_mem,run_mem --filter lpar_ids=3") == "0,0\n"
    assert prompt("lshwres -r proc --level sys -F deconfig_sys_proc_units") == "0.00\n"
    assert prompt("lshwres -r proc --level lpar -F run_proc_units --filter lpar_ids=2") == "0.10\n"


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        ("dlpar_mem_capable", "chhwres -r mem -o r -p uli13lp1 -q 64"),
        ("dlpar_proc_capable", "chhwres -r proc -o a -p uli13lp1 --procs 1"),
        ("dlpar_io_capable", "chhwres -r virtualio --rsubtype scsi -o a -p uli13lp1 -s 9 -a adapter_type=client"),
    ],
)
def test_what_a_running_partition_is_said_to_be_capable_of_is_what_can_be_done(prompt, uli13lp1, attribute, line):
    capable = prompt(f"lssyscfg -r lpar -F state,rmc_state,{attribute} --filter lpar_ids=2").strip().split(",")
    assert capable[:2] == ["Running", "active"]
    prompt(line)
    assert (prompt.status == 0) == (capable[2] == "1"), prompt.err


PROFILE = {
    "scsi": "slot_num,adapter_type,remote_lpar_id,remote_lpar_name,remote_slot_num,is_required",
    "eth": "slot_num,ieee_virtual_eth,port_vlan_id,addl_vlan_ids,is_trunk,is_required",
    "serial": "slot_num,adapter_type,supports_hmc,remote_lpar_id,remote_lpar_name,remote_slot_num,is_required",
}


@pytest.mark.parametrize("lpar_id", [1, 2, 3])
@pytest.mark.parametrize("kind", PROFILE)
def test_a_profile_has_the_adapters_that_the_hardware_has(prompt, uli13lp1, uli13lp2, kind, lpar_id):
    listed = prompt.lines(
        f"lshwres -r virtualio --rsubtype {kind} --level lpar -F {PROFILE[kind]} --filter lpar_ids={lpar_id}"
    )
    made = ",".join(line.replace("none", "").replace(",", "/") for line in listed)
    told = prompt(f"lssyscfg -r prof -F virtual_{kind}_adapters --filter lpar_ids={lpar_id}")
    assert told.strip().strip('"') == made != ""


def test_the_profile_of_the_management_partition_has_its_ends_of_the_adapters(prompt, uli13lp1, uli13lp2):
    asked = "virtual_scsi_adapters:virtual_eth_adapters"
    assert prompt(f"lssyscfg -r prof -F {asked} --filter lpar_ids=1") == (
        "11/server/2/uli13lp1/2/0,13/server/3/uli13lp2/2/0:3/0/1//1/0\n"
    )


def test_what_this_server_has_none_of_is_none(prompt, uli13lp1):
    asked = "virtual_fc_adapters,lhea_logical_ports,lhea_capabilities"
    assert prompt(f"lssyscfg -r prof -F {asked} --filter lpar_ids=2") == "none,none,none\n"


def test_a_capability_is_told_alone_as_in_the_list(prompt, uli13):
    uli13.inactive_mobility_capable = False
    uli13.save(update_fields=["inactive_mobility_capable"])
    listed = prompt("lssyscfg -r sys -F capabilities").strip().strip('"').split(",")
    alone = prompt(f"lssyscfg -r sys -F {CAPABILITIES}").strip().split(",")
    told = dict(zip(CAPABILITIES.split(","), alone, strict=True))
    assert [name for name, value in told.items() if value == "1"] == listed
    assert set(told.values()) == {"0", "1"}
    assert told["inactive_lpar_mobility_capable"] == "0"
    assert told["active_lpar_mobility_capable"] == "1"


def test_the_time_of_the_system_is_that_of_date(prompt, uli13, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2026, 3, 9, 7, 5, 2, tzinfo=UTC))
    assert prompt("lssyscfg -r sys -F sys_time") == "03/09/2026 07:05:02\n"
    assert prompt('date "+%m/%d/%Y %H:%M:%S"') == "03/09/2026 07:05:02\n"


def test_slots_of_the_management_partition_that_nobody_can_have_are_listed(prompt, uli13lp1, uli13lp2):
    listed = prompt(
        "lshwres -r virtualio --rsubtype slot --level slot -F slot_num,config --filter lpar_ids=1"
    ).splitlines()
    assert listed == [
        "0,serial",
        "1,serial",
        "2,reserved",
        "3,eth",
        "4,reserved",
        "5,reserved",
        "6,reserved",
        "7,vasi",
        "8,reserved",
        "9,reserved",
        "10,reserved",
        "11,scsi",
        "12,reserved",
        "13,scsi",
    ]
    clients = prompt("lshwres -r virtualio --rsubtype slot --level slot -F slot_num,config --filter lpar_ids=2")
    assert clients == "0,serial\n1,serial\n2,scsi\n4,eth\n"


def test_reserved_slots_are_no_adapters_of_the_profile(prompt, uli13lp1):
    kinds = "virtual_serial_adapters,virtual_scsi_adapters,virtual_eth_adapters"
    before = prompt(f"lssyscfg -r prof --filter lpar_ids=1 -F {kinds}")
    assert before == '"0/server/1/any//any/1,1/server/1/any//any/1",11/server/2/uli13lp1/2/0,3/0/1//1/0\n'
