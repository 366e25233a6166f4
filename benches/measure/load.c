/*
 * How long it takes to load the plugin and call its first hook, in nanoseconds:
 *
 *   load PLUGIN CONTEXT WORD...
 *
 * CONTEXT is the number that spank_context() answers; the words are those of the
 * plugin's line in plugstack.conf.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned int context;

unsigned int spank_context(void)
{
	return context;
}

int spank_option_register(void *handle, void *option)
{
	return handle == option;
}

int spank_get_item(void *handle, unsigned int item, ...)
{
	return handle ? 3009 : (int)item;
}

long slurm_api_version(void)
{
	return 0x260500;
}

void slurm_error(const char *format, ...)
{
	fprintf(stderr, "error: %s\n", format);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	context = (unsigned int)atoi(argv[2]);
	int64_t start = now();
	/* As Slurm does: src/common/plugin.c. */
	void *plugin = dlopen(argv[1], RTLD_LAZY);
	int (*init)(void *, int, char **) = plugin ? dlsym(plugin, "slurm_spank_init") : NULL;

	if (!init) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	int code = init(&context, argc - 3, argv + 3);

	printf("%lld\n", (long long)(now() - start));
	return code != 0;
}
