/*
 * What the lab's guest does so that a move can be seen and judged. Four processes and one page that they share:
 *
 *   writer  fills most of the memory, then rewrites pages at a rate; each page is checked whole before it is changed
 *   beat    a heartbeat 100 times a second, written to the second console; keeps the largest gap between two
 *   log     once a second a numbered record on the first disk, synced; the format is records.py's
 *   agent   answers the host on the guest agent's port: the few commands that the hypervisor process asks
 *
 * All of it is memory of the guest, so it goes on after a move where it stood.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <linux/fs.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define WORDS (PAGE / 8)
#define SPARE_MB 112 /* for the kernel, this program and a shell */
#define TICK_NS 5000000L
#define BEAT_NS 10000000L
#define RECORD 128
#define PORT "org.qemu.guest_agent.0"

struct shared {
	volatile uint64_t rate;      /* bytes a second that are rewritten */
	volatile uint64_t set_pages; /* over so many pages; 0: all */
	volatile uint64_t pages, rewritten, errors;
	volatile uint64_t beats, longest_gap_ns;
	volatile uint64_t recent_gap_ns; /* the largest since the host has told its time */
	volatile uint64_t records;
	volatile int filled;
	char uuid[40], system[32];
};

static struct shared *me;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { ns / 1000000000ULL, ns % 1000000000ULL };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static void read_file(const char *path, char *to, size_t size)
{
	int file = open(path, O_RDONLY), n = 0;
	if (file >= 0)
		n = read(file, to, size - 1);
	to[n < 0 ? 0 : n] = 0;
	if (file >= 0)
		close(file);
}

/* Memory. Each page: its index, a counter of changes, noise, and at the end the sum of all words before. */

static uint64_t sum_of(const uint64_t *page)
{
	uint64_t sum = 0x9e3779b97f4a7c15ULL;
	for (int i = 0; i < WORDS - 1; i++)
		sum = (sum ^ page[i]) + (sum << 7);
	return sum;
}

static void fill(uint64_t *memory)
{
	uint64_t noise = 88172645463325252ULL;
	for (uint64_t p = 0; p < me->pages; p++) {
		uint64_t *page = memory + p * WORDS;
		page[0] = p;
		page[1] = 0;
		for (int i = 2; i < WORDS - 1; i++) {
			noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
			page[i] = noise;
		}
		page[WORDS - 1] = sum_of(page);
	}
	me->filled = 1;
}

static void rewrite(uint64_t *memory, uint64_t *counters, uint64_t p)
{
	uint64_t *page = memory + p * WORDS;
	if (page[0] != p || page[1] != counters[p] || page[WORDS - 1] != sum_of(page))
		me->errors++;
	page[1] = ++counters[p];
	page[WORDS - 1] = sum_of(page);
	me->rewritten++;
}

static void writer(void)
{
	uint64_t *memory, *counters, at = 0, due = now_ns(CLOCK_MONOTONIC);
	double owed = 0;
	memory = mmap(NULL, me->pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	counters = calloc(me->pages, sizeof *counters);
	if (memory == MAP_FAILED || !counters)
		return;
	fill(memory);
	for (;;) {
		uint64_t set = me->set_pages && me->set_pages < me->pages ? me->set_pages : me->pages;
		owed += me->rate * (TICK_NS / 1e9) / PAGE;
		if (owed > me->rate / PAGE / 4.0 + 1)
			owed = 1; /* what was missed, in a suspension say, is not made up for */
		for (; owed >= 1; owed--, at++)
			rewrite(memory, counters, at % set);
		due += TICK_NS;
		if (due < now_ns(CLOCK_MONOTONIC))
			due = now_ns(CLOCK_MONOTONIC);
		sleep_until(due);
	}
}

/* Heartbeat. */

static void beat(void)
{
	int console = open("/dev/hvc1", O_WRONLY | O_NOCTTY | O_NONBLOCK);
	uint64_t last = now_ns(CLOCK_MONOTONIC), due = last;
	for (;;) {
		char line[96];
		uint64_t now;
		due += BEAT_NS;
		if (due + BEAT_NS < now_ns(CLOCK_MONOTONIC))
			due = now_ns(CLOCK_MONOTONIC);
		sleep_until(due);
		now = now_ns(CLOCK_MONOTONIC);
		if (now - last > me->longest_gap_ns)
			me->longest_gap_ns = now - last;
		if (now - last > me->recent_gap_ns)
			me->recent_gap_ns = now - last;
		last = now;
		me->beats++;
		if (console >= 0) {
			int n = snprintf(line, sizeof line, "beat %llu %llu\r\n", (unsigned long long)me->beats,
					 (unsigned long long)(me->longest_gap_ns / 1000));
			if (write(console, line, n) < 0)
				continue; /* nobody reads: the beat itself counts */
		}
	}
}

/* Records on the first disk. */

static uint32_t crc32_of(const unsigned char *data, int length)
{
	uint32_t crc = ~0u;
	for (int i = 0; i < length; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
	}
	return ~crc;
}

static void uuid_bytes(unsigned char *to)
{
	int n = 0, value;
	for (const char *c = me->uuid; *c && n < 16; c++)
		if (*c != '-' && sscanf(c, "%2x", &value) == 1)
			to[n++] = value, c++;
}

static int is_record(const unsigned char *r, uint64_t number)
{
	uint64_t found;
	uint32_t crc;
	memcpy(&found, r + 8, 8);
	memcpy(&crc, r + 80, 4);
	return !memcmp(r, "IVMREC01", 8) && found == number && crc == crc32_of(r, 80);
}

static uint64_t last_record(int disk, uint64_t slots)
{
	uint64_t low = 0, high = slots - 1;
	unsigned char r[RECORD];
	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;
		if (pread(disk, r, RECORD, middle * RECORD) == RECORD && is_record(r, middle))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void append(int disk, uint64_t number)
{
	unsigned char r[RECORD] = "IVMREC01";
	uint64_t beats = me->beats;
	double time = now_ns(CLOCK_REALTIME) / 1e9;
	uint32_t crc;
	memcpy(r + 8, &number, 8);
	uuid_bytes(r + 16);
	memcpy(r + 32, me->system, 32);
	memcpy(r + 64, &beats, 8);
	memcpy(r + 72, &time, 8);
	crc = crc32_of(r, 80);
	memcpy(r + 80, &crc, 4);
	if (pwrite(disk, r, RECORD, number * RECORD) == RECORD && !fsync(disk))
		me->records = number;
}

/*
 * The name of the disk with the lowest SCSI address, empty while it has none. Disks are found in the order of their
 * addresses, but named in the order in which they get ready: the first one need not be sda.
 */
static void first_disk(char *name, size_t size)
{
	const char *place = "/sys/class/scsi_device";
	DIR *devices = opendir(place), *names;
	struct dirent *entry, *named = NULL;
	long address, lowest = -1;
	char path[400], type[8];
	name[0] = 0;
	while (devices && (entry = readdir(devices))) {
		unsigned host, channel, target, lun;
		snprintf(path, sizeof path, "%s/%s/device/type", place, entry->d_name);
		read_file(path, type, sizeof type);
		if (type[0] != '0' || sscanf(entry->d_name, "%u:%u:%u:%u", &host, &channel, &target, &lun) != 4)
			continue; /* an optical one, say */
		address = ((host * 16L + channel) * 256 + target) * 16384 + lun;
		if (lowest >= 0 && address > lowest)
			continue;
		lowest = address;
		snprintf(path, sizeof path, "%s/%s/device/block", place, entry->d_name);
		names = opendir(path);
		while (names && (named = readdir(names)) && named->d_name[0] == '.')
			;
		snprintf(name, size, "%s", names && named ? named->d_name : "");
		if (names)
			closedir(names);
	}
	if (devices)
		closedir(devices);
}

static int open_first_disk(void)
{
	char name[256], path[300];
	for (;;) {
		first_disk(name, sizeof name);
		snprintf(path, sizeof path, "/dev/%s", name);
		if (name[0] && !access(path, F_OK))
			return open(path, O_RDWR);
		usleep(50000);
	}
}

static void log_records(void)
{
	int disk = open_first_disk();
	uint64_t bytes = 0, due = now_ns(CLOCK_MONOTONIC);
	if (disk < 0 || ioctl(disk, BLKGETSIZE64, &bytes) || bytes < 2 * RECORD)
		return;
	me->records = last_record(disk, bytes / RECORD);
	for (;;) {
		if (me->records + 1 < bytes / RECORD)
			append(disk, me->records + 1);
		due += 1000000000ULL;
		sleep_until(due);
	}
}

/*
 * A guest that is suspended has no clock that goes on, so the host tells its time. What it is ahead of ours grows only by
 * a time in which we stood still; a message that was late makes it look smaller. The largest of the last readings counts.
 */

#define READINGS 16
#define NOISE_NS 3000000LL

static void hear_time(int64_t host_ns)
{
	static int64_t ahead[READINGS];
	static int count, next;
	int64_t now_ahead = host_ns - (int64_t)now_ns(CLOCK_MONOTONIC), best = now_ahead;
	for (int i = 0; i < count; i++)
		if (i == 0 || ahead[i] > best)
			best = ahead[i];
	if (count && now_ahead > best + NOISE_NS) {
		uint64_t gap = me->recent_gap_ns + (now_ahead - best);
		if (gap > me->longest_gap_ns)
			me->longest_gap_ns = gap;
		count = next = 0;
	}
	me->recent_gap_ns = 0;
	ahead[next] = now_ahead;
	next = (next + 1) % READINGS;
	if (count < READINGS)
		count++;
}

/* Agent: one JSON object a line, as qemu-ga's; what we do not know is refused as it refuses it. */

static int find_port(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[300], name[64] = "";
	while (ports && (entry = readdir(ports))) {
		int file;
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
		if ((file = open(path, O_RDONLY)) < 0)
			continue;
		memset(name, 0, sizeof name);
		if (read(file, name, sizeof name - 1) > 0 && !strncmp(name, PORT, strlen(PORT))) {
			close(file);
			closedir(ports);
			snprintf(path, sizeof path, "/dev/%s", entry->d_name);
			return open(path, O_RDWR);
		}
		close(file);
	}
	if (ports)
		closedir(ports);
	return -1;
}

static uint64_t number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void say(int port, const char *format, ...)
{
	char line[512];
	va_list arguments;
	int n, done = 0;
	va_start(arguments, format);
	n = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	while (done < n) {
		int wrote = write(port, line + done, n - done);
		if (wrote < 0)
			return;
		done += wrote;
	}
}

static void shut_down(int how)
{
	sync();
	reboot(how);
}

static void answer(int port, char *line)
{
	char *text;
	if (strstr(line, "\"guest-sync\""))
		say(port, "{\"return\": %llu}\n", (unsigned long long)number_after(line, "\"id\": "));
	else if (strstr(line, "\"guest-ping\""))
		say(port, "{\"return\": {}}\n");
	else if (strstr(line, "\"guest-shutdown\""))
		shut_down(strstr(line, "\"reboot\"") ? RB_AUTOBOOT : RB_POWER_OFF);
	else if (strstr(line, "\"ivm-status\"")) {
		struct sysinfo system;
		uint64_t host_ns = number_after(line, "\"host-ns\": ");
		sysinfo(&system);
		if (host_ns)
			hear_time(host_ns);
		say(port,
		    "{\"return\": {\"uptime\": %ld, \"heartbeat\": %llu, \"longest-gap-us\": %llu, \"record\": %llu, "
		    "\"pages\": %llu, \"rewritten\": %llu, \"page-errors\": %llu, \"filled\": %d}}\n",
		    system.uptime, (unsigned long long)me->beats, (unsigned long long)(me->longest_gap_ns / 1000),
		    (unsigned long long)me->records, (unsigned long long)me->pages, (unsigned long long)me->rewritten,
		    (unsigned long long)me->errors, me->filled);
	} else if (strstr(line, "\"ivm-workload\"")) {
		me->set_pages = number_after(line, "\"set-mb\": ") * 256;
		me->rate = number_after(line, "\"bytes-per-s\": ");
		say(port, "{\"return\": {}}\n");
	} else if (strstr(line, "\"ivm-reset-gap\"")) {
		me->longest_gap_ns = 0;
		say(port, "{\"return\": {}}\n");
	} else if ((text = strstr(line, "\"ivm-system\""))) {
		char system[32] = "";
		if ((text = strstr(line, "\"name\": \"")))
			sscanf(text + 9, "%31[^\"]", system);
		memcpy(me->system, system, sizeof me->system);
		say(port, "{\"return\": {}}\n");
	} else
		say(port, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"not known\"}}\n");
}

static void agent(void)
{
	char line[4096];
	int port, used = 0;
	while ((port = find_port()) < 0)
		sleep(1);
	for (;;) {
		int got = read(port, line + used, sizeof line - 1 - used);
		if (got <= 0) { /* the host has not opened it, or has closed it */
			used = 0;
			usleep(50000);
			continue;
		}
		used += got;
		line[used] = 0;
		for (char *end; (end = strchr(line, '\n'));) {
			*end = 0;
			answer(port, line);
			used -= end + 1 - line;
			memmove(line, end + 1, used + 1);
		}
		if (used == sizeof line - 1)
			used = 0; /* no command is that long */
	}
}

static void start(void (*work)(void))
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	work();
	_exit(0);
}

int main(void)
{
	char command_line[2048], *named;
	struct sysinfo system;
	me = mmap(NULL, sizeof *me, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	read_file("/proc/cmdline", command_line, sizeof command_line);
	read_file("/proc/device-tree/vm,uuid", me->uuid, sizeof me->uuid);
	if ((named = strstr(command_line, "ivm.system=")))
		sscanf(named + 11, "%31s", me->system);
	sysinfo(&system);
	me->rate = number_after(command_line, "ivm.rate=");
	me->set_pages = number_after(command_line, "ivm.set=") * 256;
	me->pages = system.totalram * system.mem_unit / PAGE;
	me->pages = me->pages > SPARE_MB * 256 ? me->pages - SPARE_MB * 256 : 256;
	start(writer);
	start(beat);
	start(log_records);
	start(agent);
	for (;;)
		pause();
}
