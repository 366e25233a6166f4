/*
 * The part of Slurm's SPANK interface that spank-oci uses, restated.
 *
 * Facts, not text, are taken from Slurm's <slurm/spank.h>: enum values, struct
 * layout and signatures are the same in Slurm 20.11 to 26.05. So the plugin is
 * built without Slurm's headers, once for all releases. tests/abi/ compares
 * every line of this file with the real header where that is installed.
 *
 * Names are prefixed, so that both headers fit in one translation unit. Each
 * function is a weak reference to Slurm's own symbol: a process that lacks it
 * (an older Slurm, a test, the command line tool) still loads the plugin.
 */
#ifndef SPANK_OCI_SPANK_ABI_H
#define SPANK_OCI_SPANK_ABI_H

#include <stdint.h>

/* The comparison with Slurm's header puts Slurm's own types here. */
#ifndef ABI_HANDLE
struct spank_handle;
#define ABI_HANDLE struct spank_handle *
#define ABI_ERROR int
#define ABI_ITEM unsigned int
#define ABI_CONTEXT unsigned int
#endif

/* Things to ask of a handle; the type after the arrow is what is filled in. */
enum abi_item {
	ABI_JOB_UID = 0,	    /* -> uid_t */
	ABI_JOB_GID = 1,	    /* -> gid_t */
	ABI_JOB_ID = 2,		    /* -> uint32_t */
	ABI_JOB_STEPID = 3,	    /* -> uint32_t */
	ABI_JOB_NODEID = 5,	    /* -> uint32_t, this node's rank in the step */
	ABI_JOB_ARGV = 9,	    /* -> int, char ** */
	ABI_JOB_ENV = 10,	    /* -> char **, the step's environment */
	ABI_TASK_ID = 11,	    /* -> int, the task's rank on this node */
};

/* Which program loaded the plugin. */
enum abi_context {
	ABI_CTX_ERROR = 0,
	ABI_CTX_LOCAL = 1,	/* srun */
	ABI_CTX_REMOTE = 2,	/* slurmstepd */
	ABI_CTX_ALLOCATOR = 3,	/* sbatch, salloc */
	ABI_CTX_SLURMD = 4,	/* slurmd */
	ABI_CTX_JOB_SCRIPT = 5, /* prolog and epilog */
};

/* Step ids with a meaning of their own (slurm.h). */
enum abi_step {
	ABI_STEP_INTERACTIVE = 0xfffffffa,
	ABI_STEP_BATCH = 0xfffffffb,
	ABI_STEP_EXTERN = 0xfffffffc,
};

/* An option of ours; Slurm copies it and calls back with `value` when it is given. */
struct abi_option {
	char *name;
	char *argument; /* its name in --help */
	char *usage;
	int has_argument;
	int value;
	int (*given)(int value, const char *argument, int remote);
};
#ifndef ABI_OPTION
#define ABI_OPTION struct abi_option
#endif

#define ABI_WEAK(symbol) __asm__(symbol) __attribute__((weak))

extern ABI_ERROR abi_get_item(ABI_HANDLE, ABI_ITEM, ...) ABI_WEAK("spank_get_item");
extern ABI_ERROR abi_setenv(ABI_HANDLE, const char *, const char *, int) ABI_WEAK("spank_setenv");
extern ABI_ERROR abi_unsetenv(ABI_HANDLE, const char *) ABI_WEAK("spank_unsetenv");
extern ABI_ERROR abi_job_control_setenv(ABI_HANDLE, const char *, const char *, int)
	ABI_WEAK("spank_job_control_setenv");
extern ABI_ERROR abi_option_register(ABI_HANDLE, ABI_OPTION *) ABI_WEAK("spank_option_register");
extern ABI_CONTEXT abi_context(void) ABI_WEAK("spank_context");
extern const char *abi_strerror(ABI_ERROR) ABI_WEAK("spank_strerror");
/* Slurm 23.11 and newer. */
extern ABI_ERROR abi_prepend_task_argv(ABI_HANDLE, int, const char **)
	ABI_WEAK("spank_prepend_task_argv");

extern void abi_error(const char *, ...) ABI_WEAK("slurm_error");
extern void abi_info(const char *, ...) ABI_WEAK("slurm_info");
extern void abi_verbose(const char *, ...) ABI_WEAK("slurm_verbose");
extern void abi_debug(const char *, ...) ABI_WEAK("slurm_debug");
extern void abi_debug2(const char *, ...) ABI_WEAK("slurm_debug2");
/* API_CURRENT << 16 | ...: counts releases, 38 being 22.05 (slurm.h). */
extern long abi_api_version(void) ABI_WEAK("slurm_api_version");

#endif
