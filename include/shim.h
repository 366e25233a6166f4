/*
 * What Rust sees of SPANK: one function per item with fixed arguments, so that
 * the C compiler checks the types that Slurm's variadic calls cannot check.
 * bindgen reads this file.
 *
 * Functions return 0, SHIM_NOT_AVAILABLE when the process that loaded the
 * plugin has no such function, or Slurm's own error number.
 */
#ifndef SPANK_OCI_SHIM_H
#define SPANK_OCI_SHIM_H

#include <stdint.h>

#include "spank_abi.h"

enum { SHIM_NOT_AVAILABLE = -1 };

enum shim_level { SHIM_ERROR, SHIM_INFO, SHIM_VERBOSE, SHIM_DEBUG, SHIM_DEBUG2 };

typedef struct spank_handle *shim_handle;

int shim_job_uid(shim_handle, uint32_t *);
int shim_job_gid(shim_handle, uint32_t *);
int shim_job_id(shim_handle, uint32_t *);
int shim_step_id(shim_handle, uint32_t *);
int shim_node_rank(shim_handle, uint32_t *);
int shim_local_task(shim_handle, int *);
int shim_argv(shim_handle, int *argc, char ***argv);
int shim_environment(shim_handle, char ***env);
int shim_setenv(shim_handle, const char *name, const char *value);
int shim_unsetenv(shim_handle, const char *name);
int shim_job_control_setenv(shim_handle, const char *name, const char *value);
/* `option` and what it points to need not outlive the call. */
int shim_option_register(shim_handle, struct abi_option *option);
/* Whether this Slurm has it: 23.11 and newer. */
int shim_can_prepend(void);
int shim_prepend_argv(shim_handle, int argc, const char **argv);

unsigned int shim_context(void);
/* Slurm's text for an error number; never NULL. */
const char *shim_strerror(int error);
/* The release counter of slurm_api_version() without its lower half, or 0. */
unsigned int shim_api_release(void);
void shim_log(enum shim_level, const char *message);

#endif
