/*
 * A hostile user: makes, links, renames and removes everything that it may, in the
 * directories that root has made for its steps, for ever.
 *
 *   racer BASE CANARY STEPS SEED
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned int seed;

static unsigned int random_below(unsigned int limit)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % limit;
}

/* Names that root looks at, and others. */
static const char *name(void)
{
	static const char *const names[] = {"task-0.cleanup", "task-0", "x", "deep", "config.json"};

	return names[random_below(sizeof(names) / sizeof(*names))];
}

static void deepen(const char *top)
{
	if (mkdir(top, 0700) || chdir(top))
		return;
	for (int depth = 0; depth < 5; depth++)
		if (mkdir("d", 0700) || chdir("d"))
			break;
}

/* One change of something that is the user's. The current directory is the spool. */
static void change(const char *canary)
{
	char target[4096];

	snprintf(target, sizeof(target), "%s/%s", canary,
		 (const char *[]){"file", "deep", "deep/deeper/file", "."}[random_below(4)]);
	switch (random_below(10)) {
	case 0:
	case 1:
		(void)!symlink(target, name());
		break;
	case 2:
		(void)!link(target, name());
		break;
	case 3:
		(void)!mkfifo(name(), 0600);
		break;
	case 4:
		(void)!close(open(name(), O_CREAT | O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0600));
		break;
	case 5:
		(void)!rename(name(), name());
		break;
	case 6:
		(void)!unlink(name());
		(void)!rmdir(name());
		break;
	case 7:
		(void)!renameat2(AT_FDCWD, name(), AT_FDCWD, name(), RENAME_EXCHANGE);
		break;
	case 8:
		(void)!chmod(".", random_below(2) ? 0700 : 0777);
		break;
	case 9:
		deepen(name());
		break;
	}
}

/* What the user may not: the directory itself is root's. */
static void attack(const char *step, const char *canary)
{
	char spool[4096], aside[4096];

	snprintf(spool, sizeof(spool), "%s/spool", step);
	snprintf(aside, sizeof(aside), "%s/aside", step);
	if (!rename(spool, aside) || !symlink(canary, aside) || !rename(step, "/tmp/taken"))
		abort();
}

int main(int argc, char **argv)
{
	char step[2048], spool[4096];

	if (argc != 5)
		return 2;
	seed = (unsigned int)atoi(argv[4]);
	for (unsigned int job = 0, steps = (unsigned int)atoi(argv[3]);; job = (job + 1) % steps) {
		snprintf(step, sizeof(step), "%s/%u.0.0", argv[1], job);
		snprintf(spool, sizeof(spool), "%s/spool", step);
		if (chdir(spool))
			continue;
		attack(step, argv[2]);
		for (int times = 0; times < 10 && !chdir(spool); times++)
			change(argv[2]);
	}
}
