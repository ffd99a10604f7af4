"""mksyscfg, chsyscfg, rmsyscfg and chhwres: what is typed, what is printed, and what it comes to."""

from decimal import Decimal

import pytest

from ivmweb.monitor.models import MonitorTask
from ivmweb.system import services
from ivmweb.system.models import LogicalPartition, ManagedSystem, VirtualEthernetAdapter, VirtualServerAdapter

DB = "name=db,lpar_env=aixlinux,min_mem=256,desired_mem=512,max_mem=1024"


@pytest.fixture(autouse=True)
def cast(uli13lp1, uli13lp2):
    pass


@pytest.fixture
def done(prompt):
    """Of a line that succeeds: without a word."""

    def act(line):
        assert (prompt(line), prompt.err, prompt.status) == ("", "", 0)

    return act


@pytest.fixture
def refused(prompt):
    """What is said of a line that fails, and that changes nothing."""

    def act(line):
        before = everything()
        assert (prompt(line), prompt.status) == ("", 1)
        assert everything() == before
        assert prompt.err.endswith("\n")
        return prompt.err

    return act


def everything():
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        list(VirtualServerAdapter.objects.order_by("pk").values()),
        list(VirtualEthernetAdapter.objects.order_by("pk").values()),
        ManagedSystem.objects.values().get() | {"epoch": 0},
    )


def row(name):
    return LogicalPartition.objects.get(name=name)


# mksyscfg


def test_scripts_that_give_the_slots_twice_get_the_last_of_them(done, prompt):
    done(f"mksyscfg -r lpar -i name=db,max_virtual_slots=30,{DB},auto_start=0,max_virtual_slots=20")
    assert prompt("lssyscfg -r prof --filter lpar_names=db -F max_virtual_slots") == "20\n"


def test_scripts_that_give_the_slots_twice_in_a_file(done, prompt):
    prompt.keyboard.files["slots"] = f"{DB},max_virtual_slots=20,max_virtual_slots=30\n"
    done("mksyscfg -r lpar -f slots")
    assert prompt("lssyscfg -r prof --filter lpar_names=db -F max_virtual_slots") == "30\n"


def test_a_partition_has_ivm_s_defaults_and_its_vhost_at_once(prompt, done):
    done(f"mksyscfg -r lpar -i '{DB}'")
    assert prompt("lssyscfg -r prof --filter lpar_names=db") == (
        "name=db,lpar_name=db,lpar_id=4,os_type=aixlinux,all_resources=0,mem_mode=ded,min_mem=256,desired_mem=512,"
        "max_mem=1024,proc_mode=shared,min_proc_units=0.10,desired_proc_units=0.10,max_proc_units=1.00,min_procs=1,"
        "desired_procs=1,max_procs=1,sharing_mode=uncap,uncap_weight=128,io_slots=none,lpar_io_pool_ids=none,"
        'max_virtual_slots=20,"virtual_serial_adapters=0/server/1/any//any/1,1/server/1/any//any/1",'
        "virtual_scsi_adapters=2/client/1/uli13/15/1,virtual_eth_adapters=none,virtual_fc_adapters=none,"
        "boot_mode=norm,conn_monitoring=0,auto_start=0,power_ctrl_lpar_ids=none,lhea_logical_ports=none,"
        "lhea_capabilities=none,lpar_proc_compat_mode=default\n"
    )
    assert prompt.lines("lsmap -vadapter vhost2")[2] == (
        "vhost2          U7998.61X.100390A-V1-C15                     0x00000000"
    )


def test_everything_that_scripts_for_ivm_give(prompt, done):
    done(
        "ioscli mksyscfg -r lpar -m 7998-61X*100390A -i 'name=db,lpar_env=aixlinux,auto_start=1,profile_name=db,"
        "lpar_id=9,max_virtual_slots=30,proc_mode=shared,min_procs=1,min_proc_units=0.1,desired_procs=2,"
        "desired_proc_units=0.25,max_procs=3,max_proc_units=1.5,sharing_mode=cap,uncap_weight=127,min_mem=256,"
        "desired_mem=512,max_mem=1024,lpar_proc_compat_mode=POWER6,work_group_id=none,boot_mode=norm,io_slots=none,"
        '"virtual_eth_adapters=4/0/1//0/0,5/0/1/none/0/0",virtual_eth_mac_base_value=eee91d8c70,'
        "virtual_scsi_adapters=3/client/1/uli13/31/1'"
    )
    wanted = "lpar_id,auto_start,max_virtual_slots,desired_proc_units,sharing_mode,lpar_proc_compat_mode"
    assert prompt(f"lssyscfg -r prof -F {wanted} --filter lpar_names=db") == "9,1,30,0.25,cap,POWER6\n"
    adapters = "virtual_scsi_adapters:virtual_eth_adapters"
    assert prompt(f"lssyscfg -r prof -F {adapters} --filter lpar_names=db") == (
        "3/client/1/uli13/31/1:4/0/1//0/0,5/0/1//0/0\n"
    )
    assert prompt("lssyscfg -r lpar -F virtual_eth_mac_base_value --filter lpar_names=db") == "EEE91D8C70\n"


def test_dedicated_processors(done):
    done(f"mksyscfg -r lpar -i {DB},proc_mode=ded,desired_procs=2,sharing_mode=keep_idle_procs")
    made = row("db")
    assert (made.virtual_processors_minimum, made.virtual_processors, made.virtual_processors_maximum) == (1, 2, 2)
    assert (made.processing_units_minimum, made.processing_units, made.processing_units_maximum) == (1, 2, 2)


def test_no_vhost_where_none_is_asked_for(done):
    done(f"mksyscfg -r lpar -i {DB},virtual_scsi_adapters=none")
    assert not row("db").server_adapters.exists()


def test_a_file_has_a_line_for_each_and_all_of_them_are_made_or_none(prompt, done, refused):
    other = DB.replace("db", "web")
    prompt.keyboard.files["good"] = f"{DB}\n\n{other}\n"
    prompt.keyboard.files["bad"] = f"{DB}\n{other},desired_procs=many\n"
    prompt.keyboard.files["worse"] = f"{DB}\n{other},max_procs=90\n"
    prompt.keyboard.files["empty"] = "\n"
    assert refused("mksyscfg -r lpar -f bad") == (
        "[VIOSE01049000-9600] Line 2 of bad: [VIOSE01049000-9603] desired_procs can't be many; needed: a whole "
        "number. Nothing was changed.\n"
    )
    assert refused("mksyscfg -r lpar -f worse").startswith(
        "[VIOSE01049000-9600] Line 2 of worse: [VIOSE01049000-9075]"
    )
    assert prompt.err.endswith(" Nothing was changed.\n")
    assert refused("mksyscfg -r lpar -f empty").startswith("[VIOSE01049000-9601]")
    assert refused("mksyscfg -r lpar -f missing").startswith("[VIOSE01049000-9570]")
    done("mksyscfg -r lpar -f good")
    assert (row("db").lpar_id, row("web").lpar_id) == (4, 5)


def test_comments_in_a_file_are_passed_over_and_counted_as_lines(prompt, done, refused):
    prompt.keyboard.files |= {
        "good": f"# two of them, of 2026\n{DB}\n  # the second one:\n{DB.replace('=db', '=db2')}\n",
        "bad": f"# one\n{DB.replace('=db', '=db3')}\nname=#4,\n",
        "none": "# nothing\n#\n",
    }
    assert refused("mksyscfg -r lpar -f bad").startswith("[VIOSE01049000-9600] Line 3 of bad: ")
    assert refused("mksyscfg -r lpar -f none").startswith("[VIOSE01049000-9601]")
    done("mksyscfg -r lpar -f good")
    assert {"db", "db2"} < set(LogicalPartition.objects.values_list("name", flat=True))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("name=db", "9602"),
        (f"{DB},nonsense=1", "9554"),
        (DB.replace("aixlinux", "os400"), "9604"),
        (f"{DB},io_slots=21010002/none/1", "9604"),
        (f"{DB},boot_mode=sms", "9604"),
        (f"{DB},virtual_fc_adapters=5/client/1//6//0", "9604"),
        (f"{DB},profile_name=normal", "9607"),
        (f"{DB},desired_procs=-1", "9603"),
        (f"{DB},desired_procs=١", "9603"),
        (f"{DB},desired_procs=12345678", "9603"),
        (f"{DB},desired_proc_units=1e-1", "9603"),
        (f"{DB},desired_proc_units=0.105", "9096"),
        (f"{DB},desired_proc_units=", "9603"),
        (f"{DB},proc_mode=none", "9603"),
        (f"{DB},sharing_mode=share_idle_procs", "9603"),
        (f"{DB},proc_mode=ded,desired_proc_units=1", "9605"),
        (f"{DB},proc_mode=ded,uncap_weight=1", "9605"),
        (f"{DB},uncap_weight=256", "9075"),
        (f"{DB},auto_start=yes", "9603"),
        (f"{DB},lpar_id=x", "9603"),
        (f"{DB},lpar_id=2", "9615"),
        (f"{DB},lpar_id=1", "9617"),
        (f"{DB},virtual_eth_adapters=4/0/1", "9603"),
        (f"{DB},virtual_eth_adapters=x/0/1//0/0", "9603"),
        (f"{DB},virtual_eth_adapters=4/0/7//0/0", "9084"),
        (f"{DB},virtual_eth_adapters=4/1/1//0/0", "9609"),
        (f"{DB},virtual_eth_adapters=4/0/1//1/0", "9609"),
        (f"{DB},virtual_eth_adapters=4/0/1//0/1", "9609"),
        (f'{DB},"virtual_eth_adapters=4/0/1/2,3/0/0"', "9603"),
        (f"{DB},virtual_eth_adapters=40/0/1//0/0", "9618"),
        (f"{DB},virtual_eth_adapters=2/0/1//0/0,virtual_scsi_adapters=2/client/1//any/1", "9619"),
        (f"{DB},virtual_scsi_adapters=2/server/1//13/1", "9603"),
        (f"{DB},virtual_scsi_adapters=2/client/3//13/1", "9603"),
        (f"{DB},virtual_scsi_adapters=2/client/1/uli14/13/1", "9603"),
        (f"{DB},virtual_scsi_adapters=2/client/1//13/1", "9620"),
        (f"{DB},virtual_eth_mac_base_value=EEE91D8C70", "9602"),
        (f"{DB},virtual_eth_adapters=4/0/1//0/0,virtual_eth_mac_base_value=01E91D8C70", "9621"),
        (f"{DB},virtual_eth_adapters=4/0/1//0/0,virtual_eth_mac_base_value=EEE9", "9621"),
        (f"{DB},virtual_eth_mac_base_value=ZZ", "9621"),
        (DB.replace("=db", "=uli13lp1"), "9063"),
        (DB.replace("=db", "="), "9077"),
        (DB.replace("=db", "=a b"), "9077"),
        (DB.replace("=db", "=分区"), "9077"),
        (DB.replace("name=db", '"name=a,b"'), "9077"),
        (DB.replace("name=db", '"name=a""b"'), "9077"),
        (DB.replace("=512", "=520"), "9078"),
        (DB.replace("=512", "=128"), "9079"),
        (DB.replace("512", "6000").replace("1024", "8192"), "9060"),
        (f"{DB},min_mem=257", "9553"),
    ],
)
def test_what_can_not_be_made_is_refused_with_its_code(refused, given, code):
    assert f"-{code}] " in refused(f"mksyscfg -r lpar -i '{given}'")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mksyscfg -r lpar -i name=z1,name=z2", "[VIOSE01049000-9553] name is given twice; give it once.\n"),
        (
            f"mksyscfg -r lpar -i {DB.replace('1024', '9' * 23)}",
            f"[VIOSE01049000-9603] max_mem can't be {'9' * 23}; needed: a whole number from 0 to 9999999.\n",
        ),
        (
            f"mksyscfg -r lpar -i {DB},desired_proc_units=0.10000000",
            "[VIOSE01049000-9603] desired_proc_units can't be 0.10000000; needed: a number such as 0.5, of 7 "
            "characters at most.\n",
        ),
        (
            f"mksyscfg -r lpar -i {DB},desired_procs=",
            '[VIOSE01049000-9603] desired_procs can\'t be ""; needed: a whole number.\n',
        ),
        (
            f"mksyscfg -r lpar -i {DB},desired_procs=100",
            "[VIOSE01049000-9603] desired_procs can't be 100; needed: at most 40, each with 0.1 of 4.00 processing "
            "units.\n",
        ),
        (
            f"mksyscfg -r lpar -i {DB},desired_procs=0",
            "[VIOSE01049000-9075] Assigned virtual processors is 0; it must be a number from 1 to 64. Correct it, "
            "then send it again.\n",
        ),
        (
            f"mksyscfg -r lpar -i {DB},proc_mode=ded,desired_procs=5",
            "[VIOSE01049000-9075] Assigned virtual processors is 5; it must be a number from 1 to 4. Correct it, "
            "then send it again.\n",
        ),
        (
            "chdev -dev hdisk1 -attr reserve_policy=bogus",
            "[VIOSE01049000-9603] reserve_policy can't be bogus; needed: no_reserve or single_path.\n",
        ),
    ],
)
def test_what_is_wrong_is_blamed_and_nothing_else(refused, line, said):
    assert refused(line) == said


def test_what_the_only_value_is_is_told_and_not_that_a_needed_attribute_may_go(refused):
    given = DB.replace("aixlinux", "os400")
    assert refused(f"mksyscfg -r lpar -i '{given}'") == (
        "[VIOSE01049000-9604] lpar_env can't be os400: partitions of this console have aixlinux and nothing else. "
        "Give aixlinux, or leave lpar_env out where the command does not need it.\n"
    )


def test_making_it_twice_is_refused_the_second_time(done, refused):
    done(f"mksyscfg -r lpar -i {DB}")
    assert refused(f"mksyscfg -r lpar -i {DB}").startswith(
        "[VIOSE01049000-9063] uli13 has a partition with the name db"
    )


def test_either_data_or_a_file(refused):
    assert "[VIOSE01040120-0006] Required parameter -i" in refused("mksyscfg -r lpar")
    assert "-9551]" in refused(f"mksyscfg -r lpar -i {DB} -f x")
    assert "Required parameter -r" in refused(f"mksyscfg -i {DB}")


# chsyscfg


def test_one_line_changes_many_things_in_one_task(prompt, done):
    done("chsyscfg -r lpar -i name=uli13lp2,lpar_id=3,new_name=db,desired_mem=512,uncap_weight=7,auto_start=1")
    changed = row("db")
    assert (changed.memory_mb, changed.uncapped_weight, changed.auto_start) == (512, 7, True)
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.lines.count()) == ("Change Partition Properties", "uli13lp2 (3)", 4)


def test_a_profile_is_that_of_its_partition(done):
    done("chsyscfg -r prof -i 'name=uli13lp2,lpar_name=uli13lp2,max_procs=4,desired_procs=2,desired_proc_units=0.5'")
    done("chsyscfg -r prof -i name=uli13lp2,max_virtual_slots=50,lpar_proc_compat_mode=POWER6")
    done("chsyscfg -r lpar -i lpar_id=3,work_group_id=5,desired_lpar_proc_compat_mode=default")
    changed = row("uli13lp2")
    assert (changed.virtual_processors, changed.processing_units) == (2, Decimal("0.5"))
    assert (changed.max_virtual_slots, changed.workload_group, changed.compatibility_mode) == (50, 5, "default")


def test_sharing_modes(done):
    done("chsyscfg -r prof -i lpar_id=3,sharing_mode=cap")
    assert row("uli13lp2").uncapped_weight == 0
    done("chsyscfg -r prof -i lpar_id=3,sharing_mode=uncap")
    assert row("uli13lp2").uncapped_weight == 128
    done("chsyscfg -r prof -i lpar_id=3,proc_mode=ded,max_procs=2")
    changed = row("uli13lp2")
    assert (changed.processor_mode, changed.processing_units, changed.processing_units_maximum) == ("ded", 1, 2)
    done("chsyscfg -r prof -i lpar_id=3,proc_mode=shared,desired_proc_units=0.5,min_proc_units=0.1")
    assert row("uli13lp2").processing_units == Decimal("0.5")


def test_names_with_anything_in_them_are_found(done):
    LogicalPartition.objects.filter(name="uli13lp2").update(name='a,b "分区" é')
    done("""chsyscfg -r lpar -i '"name=a,b ""分区"" é",new_name=db'""")
    assert row("db").lpar_id == 3


def test_a_file_changes_all_or_none(prompt, done, refused):
    prompt.keyboard.files["good"] = "lpar_id=3,new_name=db\nname=uli13lp1,uncap_weight=9\n"
    prompt.keyboard.files["bad"] = "lpar_id=3,new_name=db2\nlpar_id=2,new_name=uli13\n"
    done("chsyscfg -r lpar -f good")
    assert (row("db").lpar_id, row("uli13lp1").uncapped_weight) == (3, 9)
    assert "] Line 2 of bad: [VIOSE01049000-9063] " in refused("chsyscfg -r lpar -f bad")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("lpar_id=2,max_virtual_slots=30", "9073"),  # it runs
        ("lpar_id=3,desired_mem=8192,max_mem=8192", "9080"),
        ("lpar_id=3,new_name=uli13lp1", "9063"),
    ],
)
def test_a_line_that_the_console_refuses_is_named_without_those_that_are_empty(prompt, refused, line, code):
    prompt.keyboard.files["bad"] = f"\nlpar_id=3,auto_start=1\n\n{line}\n"
    said = refused("chsyscfg -r lpar -f bad")
    assert said.startswith(f"[VIOSE01049000-9600] Line 4 of bad: [VIOSE01049000-{code}]")
    assert said.endswith(" Nothing was changed.\n")
    assert refused(f"chsyscfg -r lpar -i {line}").startswith(f"[VIOSE01049000-{code}]")


def test_what_is_about_no_line_names_none(prompt, refused, viewer, hypervisor):
    prompt.keyboard.files["good"] = DB
    hypervisor.is_reachable = False
    assert "does not answer" in refused("mksyscfg -r lpar -f good")
    assert "Line" not in prompt.err
    viewer.keyboard.files = {"good": "lpar_id=3,auto_start=1"}
    assert viewer("chsyscfg -r lpar -f good") == ""
    assert viewer.err.startswith("[VIOSE")
    assert "Line" not in viewer.err


def test_asking_for_what_is_so_is_no_error_and_no_task(done):
    done("chsyscfg -r lpar -i lpar_id=3,new_name=uli13lp2")
    assert not MonitorTask.objects.exists()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("lpar -i new_name=x", "9602"),
        ("lpar -i lpar_id=3", "9606"),
        ("lpar -i lpar_id=33,new_name=x", "0042"),
        ("lpar -i name=nobody,new_name=x", "0042"),
        ("lpar -i name=uli13lp1,lpar_id=3,new_name=x", "9605"),
        ("lpar -i lpar_id=3,default_profile=normal", "9607"),
        ("lpar -i lpar_id=3,new_name=uli13lp1", "9063"),
        ("lpar -i lpar_id=3,nonsense=1", "9554"),
        ("lpar -i lpar_id=3,boot_mode=sms", "9604"),
        ("lpar -i lpar_id=3,max_virtual_slots=4", "9622"),
        ("lpar -i lpar_id=2,max_virtual_slots=40", "9073"),
        ("lpar -i lpar_id=2,desired_mem=512", "9073"),
        ("lpar -i lpar_id=1,new_name=x", "9051"),
        ("lpar -i lpar_id=3,lpar_proc_compat_mode=default,desired_lpar_proc_compat_mode=default", "9605"),
        ("prof -i lpar_id=3,new_name=x", "9554"),
        ("prof -i name=other,lpar_id=3,max_procs=2", "9607"),
        ("prof -i lpar_id=3,desired_mem=much", "9603"),
        ("prof -i lpar_id=3,proc_mode=ded,desired_proc_units=0.5", "9605"),
        ("sys -i attention_led=1", "9554"),
        ("sys -i new_name=", "9077"),
        ("sys -i name=uli14,new_name=x", "9557"),
        ("sys -i name=Server-7998-61X-SN100390A", "9606"),
        ("sys -i num_active_migrations_supported=9", "9075"),
        ("frame -i new_name=x", "9550"),
        ("lpar -m uli14 -i lpar_id=3,new_name=x", "9557"),
    ],
)
def test_what_can_not_be_changed_is_refused_with_its_code(refused, line, code):
    assert f"-{code}] " in refused(f"chsyscfg -r {line}")


def test_the_system_has_what_its_page_can_change(prompt, done):
    done("chsyscfg -r sys -i new_name=Frame1")
    done("chsyscfg -r sys -m Frame1 -i active_lpar_mobility_capable=0,num_inactive_migrations_supported=7")
    system = ManagedSystem.objects.get()
    assert (system.name, system.active_mobility_capable, system.inactive_migrations_supported) == ("Frame1", False, 7)
    assert prompt("lssyscfg -r sys -F name") == "Frame1\n"


# rmsyscfg


@pytest.mark.parametrize("which", ["-n uli13lp2", "--id 3"])
def test_a_partition_is_removed_with_what_is_mapped_to_it(prompt, done, which):
    done(f"rmsyscfg -r lpar {which}")
    assert prompt("lssyscfg -r lpar -F name") == "uli13\nuli13lp1\n"
    assert "vhost1" not in prompt("lsmap -all")
    assert prompt("lspv").count("hdisk") == 13


def test_one_with_anything_in_its_name_is_removed(done):
    LogicalPartition.objects.filter(name="uli13lp2").update(name='a,b "分区" é')
    done("""rmsyscfg -r lpar -n 'a,b "分区" é'""")


def test_removing_it_twice_finds_nothing_the_second_time(done, refused):
    done("rmsyscfg -r lpar -n uli13lp2")
    assert refused("rmsyscfg -r lpar -n uli13lp2").startswith("[VIOSE010401A1-0042] There is no partition uli13lp2")


@pytest.mark.parametrize(
    ("line", "code"), [("-n uli13lp1", "9054"), ("-n uli13", "9051"), ("", "0006"), ("-n a --id 3", "9551")]
)
def test_what_can_not_be_removed_is_refused_with_its_code(refused, line, code):
    assert f"-{code}] " in refused(f"rmsyscfg -r lpar {line}")


# chhwres


def test_memory_is_added_removed_moved_and_set(done):
    done(f"mksyscfg -r lpar -i {DB}")
    done("chhwres -r mem -o a -p db -q 128")
    assert row("db").memory_mb == 640
    done("chhwres -r mem -o r --id 4 -q 64")
    assert row("db").memory_mb == 576
    done("chhwres -r mem -o m -p uli13lp2 -t db -q 256")
    assert (row("uli13lp2").memory_mb, row("db").memory_mb) == (768, 832)
    done("chhwres -r mem -o m --id 4 --tid 3 -q 64")
    assert (row("uli13lp2").memory_mb, row("db").memory_mb) == (832, 768)
    done("chhwres -r mem -o s -p db -q 512")
    assert row("db").memory_mb == 512


@pytest.mark.parametrize("minutes", [0, 5, 99999])
def test_a_change_does_not_wait_so_that_any_limit_is_kept(done, minutes):
    done(f"chhwres -r mem -o r -p uli13lp2 -q 64 -w {minutes}")
    done(f"chhwres -r proc -o s --id 3 --procs 1 --procunits 0.1 -w {minutes}")
    done(f"chhwres -r virtualio --rsubtype eth -o a --id 3 -s 5 -a port_vlan_id=1 -w {minutes}")
    assert (row("uli13lp2").memory_mb, row("uli13lp2").ethernet_adapters.count()) == (960, 2)


def test_processors_are_added_removed_moved_and_set(done):
    for name in ("db", "web"):
        values = f"{DB.replace('db', name)},desired_procs=2,max_procs=4,desired_proc_units=0.5"
        done(f"mksyscfg -r lpar -i {values}")
    done("chhwres -r proc -o a -p db --procs 1 --procunits 0.3")
    assert (row("db").virtual_processors, row("db").processing_units) == (3, Decimal("0.8"))
    done("chhwres -r proc -o r -p db --procunits 0.25")
    assert row("db").processing_units == Decimal("0.55")
    done("chhwres -r proc -o m -p db -t web --procs 1 --procunits 0.05")
    assert (row("web").virtual_processors, row("web").processing_units) == (3, Decimal("0.55"))
    done("chhwres -r proc -o s -p web --procs 1 --procunits 0.1 -a sharing_mode=uncap,uncap_weight=3")
    assert (row("web").virtual_processors, row("web").uncapped_weight) == (1, 3)


def test_a_weight_is_set_while_it_runs(done):
    done("chhwres -r proc -o s -p uli13lp1 -a uncap_weight=3")
    assert row("uli13lp1").uncapped_weight == 3


def test_adapters_on_a_virtual_ethernet(prompt, done):
    done("chhwres -r virtualio --rsubtype eth -o a -p uli13lp2 -s 5 -a ieee_virtual_eth=0,port_vlan_id=1,is_trunk=0")
    assert prompt("lshwres -r virtualio --rsubtype eth --level lpar -F slot_num --filter lpar_ids=3") == "4\n5\n"
    done("chhwres -r virtualio --rsubtype eth -o s -p uli13lp2 -s 5 -a port_vlan_id=1")
    done("chhwres -r virtualio --rsubtype eth -o r --id 3 -s 5")
    assert prompt("lshwres -r virtualio --rsubtype eth --level lpar -F slot_num --filter lpar_ids=3") == "4\n"


def test_adapters_for_disks_from_either_end(prompt, done):
    add = "chhwres -r virtualio --rsubtype scsi -o a"
    done(f"{add} --id 3 -s 5 -a adapter_type=client,remote_lpar_id=1,remote_slot_num=any")
    done(f"{add} --id 3 -s 6 -a remote_lpar_name=uli13,remote_slot_num=33")
    done(f"{add} -p uli13 -s 35 -a adapter_type=server,remote_lpar_id=3,remote_slot_num=7")
    done(f"{add} --id 1 -s 37 -a remote_lpar_name=uli13lp2")
    slots = "lshwres -r virtualio --rsubtype scsi --level lpar -F slot_num,remote_slot_num --filter lpar_ids=3"
    assert prompt.lines(slots) == ["2,13", "3,37", "5,15", "6,33", "7,35"]
    done("chhwres -r virtualio --rsubtype scsi -o r --id 1 -s 33")
    done("chhwres -r virtualio --rsubtype scsi -o r -p uli13lp2 -s 7")
    assert prompt.lines(slots) == ["2,13", "3,37", "5,15"]


ETH, SCSI = "virtualio --rsubtype eth", "virtualio --rsubtype scsi"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("mem -o a -p uli13lp2", "0006"),
        ("mem -o a -p uli13lp2 -q 0", "9550"),
        ("mem -o a -p uli13lp2 -q x", "9550"),
        ("mem -o a -p uli13lp2 -q 16 -w soon", "9550"),
        ("mem -o a -p uli13lp2 -q 16 -w -1", "9550"),
        ("mem -o a -p uli13lp2 -q 16 -w 5 -w 5", "9553"),
        ("mem -o a -p uli13lp2 -q 16 --force", "0009"),
        ("mem -o a -p uli13lp2 -q 10", "9078"),
        ("mem -o a -p uli13lp2 -q 8192", "9075"),
        ("mem -o r -p uli13lp2 -q 1024", "9075"),
        ("mem -o a -p uli13lp2 -q 16 --procs 1", "9608"),
        ("mem -o a -p uli13lp2 -q 16 -t uli13lp1", "9608"),
        ("mem -o a -p uli13lp1 -q 16", "9073"),
        ("mem -o a -p uli13 -q 16", "9051"),
        ("mem -o m -p uli13lp2 -q 16", "0006"),
        ("mem -o m -p uli13lp2 -t uli13lp2 -q 16", "9550"),
        ("mem -o m -p uli13lp2 -t uli13lp1 -q 16", "9073"),
        ("mem -o m -p uli13lp2 -t nobody -q 16", "0042"),
        ("proc -o a -p uli13lp2", "0006"),
        ("proc -o a -p uli13lp2 --procs 0", "9550"),
        ("proc -o a -p uli13lp2 --procunits 0", "9603"),
        ("proc -o a -p uli13lp2 --procunits much", "9603"),
        ("proc -o a -p uli13lp2 --procunits 0.001", "9096"),
        ("proc -o a -p uli13lp2 --procs 1 -a uncap_weight=1", "9608"),
        ("proc -o s -p uli13lp2", "0006"),
        ("proc -o s -p uli13lp2 -a weight=1", "9554"),
        ("proc -o x -p uli13lp2 --procs 1", "9550"),
        (f"{ETH} -o a -p uli13lp2 -a port_vlan_id=1", "0006"),
        (f"{ETH} -o a -p uli13lp2 -s 5", "0006"),
        (f"{ETH} -o a -p uli13lp2 -s 5 -a is_trunk=0", "9602"),
        (f"{ETH} -o a -p uli13lp2 -s 5 -a port_vlan_id=1,is_trunk=1", "9609"),
        (f"{ETH} -o a -p uli13lp2 -s 5 -a 'port_vlan_id=1,\"addl_vlan_ids=2,3\"'", "9609"),
        (f"{ETH} -o a -p uli13lp2 -s 5 -a port_vlan_id=7", "9084"),
        (f"{ETH} -o a -p uli13lp2 -s 4 -a port_vlan_id=1", "9619"),
        (f"{ETH} -o a --id 1 -s 32 -a port_vlan_id=1", "9051"),
        (f"{ETH} -o s -p uli13lp2 -s 5 -a port_vlan_id=1", "9097"),
        (f"{ETH} -o r -p uli13lp2 -s 5", "9623"),
        (f"{ETH} -o r -p uli13lp2 -s 4 -a port_vlan_id=1", "9608"),
        (f"{ETH} -o m -p uli13lp2 -s 4", "9550"),
        (f"{ETH} -o r -p uli13lp2 -s 4 -q 4", "9608"),
        (f"{SCSI} -o s -p uli13lp2 -s 2 -a adapter_type=client", "9550"),
        (f"{SCSI} -o a -p uli13lp2 -s 5 -a adapter_type=server", "9603"),
        (f"{SCSI} -o a -p uli13lp2 -s 5 -a remote_lpar_id=2", "9603"),
        (f"{SCSI} -o a -p uli13lp2 -s 5 -a remote_slot_num=x", "9603"),
        (f"{SCSI} -o a -p uli13lp2 -s 5 -a remote_slot_num=13", "9620"),
        (f"{SCSI} -o a --id 1 -s 31 -a adapter_type=server", "9602"),
        (f"{SCSI} -o a --id 1 -s 31 -a remote_lpar_id=1", "9051"),
        (f"{SCSI} -o a --id 1 -s 31 -a remote_lpar_id=3,remote_lpar_name=x", "9603"),
        (f"{SCSI} -o r -p uli13lp2 -s 2", "9649"),
        (f"{SCSI} -o r --id 1 -s 13", "9649"),
        (f"{SCSI} -o r --id 1 -s 31", "9623"),
        ("virtualio -o r -p uli13lp2 -s 2", "0006"),
    ],
)
def test_what_hardware_can_not_be_changed_is_refused_with_its_code(refused, line, code):
    assert f"-{code}] " in refused(f"chhwres -r {line}")


# All of them

CHANGES = (
    f"mksyscfg -r lpar -i {DB}",
    "chsyscfg -r lpar -i lpar_id=3,new_name=x",
    "chsyscfg -r prof -i lpar_id=3,max_procs=4",
    "chsyscfg -r sys -i new_name=x",
    "rmsyscfg -r lpar --id 3",
    "chhwres -r mem -o a --id 3 -q 16",
    "chhwres -r proc -o s --id 3 -a uncap_weight=1",
    "chhwres -r virtualio --rsubtype eth -o a --id 3 -s 5 -a port_vlan_id=1",
    "chhwres -r virtualio --rsubtype scsi -o a --id 3 -s 5 -a adapter_type=client",
)


@pytest.mark.parametrize("line", CHANGES)
def test_a_viewer_changes_nothing(viewer, line):
    before = everything()
    assert (viewer(line), viewer.status) == ("", 1)
    assert "may not change partitions and settings" in viewer.err
    assert everything() == before


@pytest.mark.parametrize("line", [line for line in CHANGES if "=3" in line or "id 3" in line])
def test_a_partition_that_migrates_is_left_alone(refused, line):
    services.hold(row("uli13lp2").pk, "migration 0b7c6a4e-5a0c-4c5b-9b3e-2a4b0c8f1d11")
    assert refused(line).startswith("[VIOSE01049000-9052]")


def test_a_hypervisor_that_does_not_answer_keeps_partitions_from_being_made_and_removed(refused, hypervisor):
    hypervisor.is_reachable = False
    assert "VIOSE" in refused(f"mksyscfg -r lpar -i {DB}")
    assert "VIOSE" in refused("rmsyscfg -r lpar -n uli13lp2")


def test_a_file_with_more_lines_than_there_can_be_partitions_is_refused_whole(prompt, uli13):
    prompt.keyboard.files["many"] = "name=x,lpar_env=aixlinux,min_mem=16,desired_mem=16,max_mem=16\n" * 500
    prompt("mksyscfg -r lpar -f many")
    assert (prompt.status, "9585" in prompt.err, "500 lines" in prompt.err) == (1, True, True)
    assert not MonitorTask.objects.exists()


def test_what_was_typed_is_shown_without_steering_the_terminal_and_in_one_line(prompt, refused):
    prompt.keyboard.files["-"] = f"{DB},a\x00b\tc\u202ed\x1b[31m\u2028分区 é=1\n"
    assert refused("mksyscfg -r lpar -f -").startswith(
        "[VIOSE01049000-9600] Line 1 of -: [VIOSE01049000-9554] There is no attribute "
        r"a\x00b\tc\u202ed\x1b[31m\u2028分区 é here; there are: "
    )
    assert prompt.err.count("\n") == 1
    prompt("'ls\u202e'")
    assert (prompt.status, prompt.err) == (127, "rksh: ls\\u202e:  not found.\n")
