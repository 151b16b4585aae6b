/* Answers as libnvidia-ml.so.1 does, for machines without a GPU: what its devices say stands in a text file.
 *
 * The file is named by the environment variable FAKE_NVML_STATE and read again when it has changed, so that a test can
 * change utilisation, or break a call, while the program under test runs. One thing a line, words `key=value`, an
 * underscore in a name for a space:
 *
 *     device 0 uuid=GPU-0 name=NVIDIA_A100-SXM4-40GB total=42949672960 used=8589934592 util=87 power=312000 ...
 *     slice 1 0 uuid=MIG-a name=NVIDIA_A100-SXM4-40GB_MIG_2g.10gb gi=1 total=10468982784 used=0 slices=2
 *     process 0 pid=1234 memory=1073741824        a process on device 0
 *     process 1.0 pid=1235 memory=unknown         ... on slice 0 of device 1
 *     error nvmlDeviceGetPowerUsage 3             that call answers 3 (not supported), on every device
 *     error nvmlDeviceGetPowerUsage 15 1          ... on device 1 (and its slices) alone
 *     slow nvmlDeviceGetUtilizationRates 5000     that call takes so many milliseconds
 *
 * Which process begins and ends using it is written to the same file's name with `.log` behind.
 *
 * Structures and names are those of NVIDIA's nvml.h. It knows no GPU, and no state beside the file.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef int Return;
typedef unsigned int Count;
typedef unsigned long long Bytes;

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NO_DRIVER = 9, TIMED_OUT = 10 };
enum { MOST_DEVICES = 64, MOST_SLICES = 8, MOST_PROCESSES = 256, MOST_FAULTS = 64, NAME = 96 };
static const Bytes NOT_AVAILABLE = ~0ULL;

typedef struct {
  int used, device, slice, mig, util, memory_util, temperature, clock, gpm, gi, slices;
  unsigned int power, pcie_tx, pcie_rx, xid;
  Bytes total, in_use;
  double gpm_engine, gpm_dram, gpm_tensor;
  char uuid[NAME], name[NAME];
} Device;

typedef struct { int device, slice; unsigned int pid; Bytes memory; } Process;
typedef struct { char call[NAME]; int code, device, slow_ms; } Fault;

static struct {
  int devices, processes, faults;
  Device device[MOST_DEVICES], slice[MOST_DEVICES][MOST_SLICES];
  Process process[MOST_PROCESSES];
  Fault fault[MOST_FAULTS];
} state;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timespec seen;
static ino_t seen_inode;
static int initialised;

/* A line of the file beside the state, so that a test sees whether anybody holds the driver. */
static void note(const char *what) {
  char path[4096];
  const char *state_path = getenv("FAKE_NVML_STATE");
  if (!state_path || snprintf(path, sizeof path, "%s.log", state_path) >= (int)sizeof path) return;
  FILE *stream = fopen(path, "a");
  if (!stream) return;
  fprintf(stream, "%s %d\n", what, (int)getpid());
  fclose(stream);
}

static void set_device(Device *device, char *key, char *value) {
  long long number = strtoll(value, NULL, 10);
  if (!strcmp(key, "uuid")) snprintf(device->uuid, NAME, "%s", value);
  else if (!strcmp(key, "name")) {
    snprintf(device->name, NAME, "%s", value);
    for (char *at = device->name; *at; at++) if (*at == '_') *at = ' ';
  }
  else if (!strcmp(key, "total")) device->total = (Bytes)number;
  else if (!strcmp(key, "used")) device->in_use = (Bytes)number;
  else if (!strcmp(key, "util")) device->util = (int)number;
  else if (!strcmp(key, "memory_util")) device->memory_util = (int)number;
  else if (!strcmp(key, "power")) device->power = (unsigned int)number;
  else if (!strcmp(key, "temperature")) device->temperature = (int)number;
  else if (!strcmp(key, "clock")) device->clock = (int)number;
  else if (!strcmp(key, "pcie_tx")) device->pcie_tx = (unsigned int)number;
  else if (!strcmp(key, "pcie_rx")) device->pcie_rx = (unsigned int)number;
  else if (!strcmp(key, "xid")) device->xid = (unsigned int)number;
  else if (!strcmp(key, "mig")) device->mig = (int)number;
  else if (!strcmp(key, "gi")) device->gi = (int)number;
  else if (!strcmp(key, "slices")) device->slices = (int)number;
  else if (!strcmp(key, "gpm")) device->gpm = (int)number;
  else if (!strcmp(key, "gpm_engine")) device->gpm_engine = atof(value);
  else if (!strcmp(key, "gpm_dram")) device->gpm_dram = atof(value);
  else if (!strcmp(key, "gpm_tensor")) device->gpm_tensor = atof(value);
}

static void read_line(char *line) {
  char *rest = NULL, *kind = strtok_r(line, " \n", &rest), *word;
  if (!kind) return;
  if (!strcmp(kind, "device") || !strcmp(kind, "slice")) {
    int index = atoi(strtok_r(NULL, " \n", &rest)), slice = -1;
    if (kind[0] == 's') slice = atoi(strtok_r(NULL, " \n", &rest));
    Device *device = slice < 0 ? &state.device[index] : &state.slice[index][slice];
    device->used = 1, device->device = index, device->slice = slice;
    if (slice < 0 && index >= state.devices) state.devices = index + 1;
    while ((word = strtok_r(NULL, " \n", &rest))) {
      char *value = strchr(word, '=');
      if (value) *value++ = 0, set_device(device, word, value);
    }
  } else if (!strcmp(kind, "process") && state.processes < MOST_PROCESSES) {
    Process *process = &state.process[state.processes++];
    char *where = strtok_r(NULL, " \n", &rest), *dot = strchr(where, '.');
    process->device = atoi(where), process->slice = dot ? atoi(dot + 1) : -1, process->memory = NOT_AVAILABLE;
    while ((word = strtok_r(NULL, " \n", &rest))) {
      if (!strncmp(word, "pid=", 4)) process->pid = (unsigned int)atoi(word + 4);
      else if (!strncmp(word, "memory=", 7) && word[7] != 'u') process->memory = strtoull(word + 7, NULL, 10);
    }
  } else if ((!strcmp(kind, "error") || !strcmp(kind, "slow")) && state.faults < MOST_FAULTS) {
    Fault *fault = &state.fault[state.faults++];
    snprintf(fault->call, NAME, "%s", strtok_r(NULL, " \n", &rest));
    int number = atoi(strtok_r(NULL, " \n", &rest));
    fault->code = kind[0] == 'e' ? number : SUCCESS, fault->slow_ms = kind[0] == 's' ? number : 0;
    word = strtok_r(NULL, " \n", &rest);
    fault->device = word ? atoi(word) : -1;
  }
}

static void refresh(void) {
  const char *path = getenv("FAKE_NVML_STATE");
  struct stat file;
  if (!path || stat(path, &file)) { memset(&state, 0, sizeof state); seen_inode = 0; return; }
  if (file.st_ino == seen_inode && !memcmp(&file.st_mtim, &seen, sizeof seen)) return;
  FILE *stream = fopen(path, "r");
  if (!stream) return;
  memset(&state, 0, sizeof state);
  char line[1024];
  while (fgets(line, sizeof line, stream)) read_line(line);
  fclose(stream);
  seen = file.st_mtim, seen_inode = file.st_ino;
}

/* What the call answers for this device (-1: none in particular), apart from its own doing. */
static Return permitted(const char *call, int device) {
  int slow_ms = 0;
  Return answer = SUCCESS;
  pthread_mutex_lock(&lock);
  refresh();
  for (int i = 0; i < state.faults; i++) {
    Fault *fault = &state.fault[i];
    if (strcmp(fault->call, call) || (fault->device >= 0 && fault->device != device)) continue;
    if (fault->slow_ms) slow_ms = fault->slow_ms; else answer = fault->code;
  }
  pthread_mutex_unlock(&lock);
  if (slow_ms) usleep((useconds_t)slow_ms * 1000);
  if (answer == SUCCESS && !initialised && strcmp(call, "nvmlInitWithFlags")) return UNINITIALIZED;
  return answer;
}

#define BEGIN(handle) \
  Device *device = handle; \
  if (!device || !device->used) return INVALID; \
  { Return answer = permitted(__func__, device->device); if (answer) return answer; }
#define CARDS_ONLY if (device->slice >= 0 || device->mig) return UNSUPPORTED;

Return nvmlInitWithFlags(Count flags) {
  (void)flags;
  Return answer = permitted(__func__, -1);
  if (!answer) initialised++, note("init");
  return answer;
}

Return nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

Return nvmlShutdown(void) {
  if (!initialised) return UNINITIALIZED;
  initialised--, note("shutdown");
  return SUCCESS;
}

const char *nvmlErrorString(Return code) {
  switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case UNSUPPORTED: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case NO_DRIVER: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
  }
}

Return nvmlSystemGetDriverVersion(char *text, Count size) {
  Return answer = permitted(__func__, -1);
  if (!answer) snprintf(text, size, "570.124.06");
  return answer;
}

Return nvmlSystemGetProcessName(Count pid, char *text, Count size) {
  Return answer = permitted(__func__, -1);
  if (!answer) snprintf(text, size, "/usr/bin/process-%u", pid);
  return answer;
}

Return nvmlDeviceGetCount_v2(Count *count) {
  Return answer = permitted(__func__, -1);
  if (!answer) *count = (Count)state.devices;
  return answer;
}

Return nvmlDeviceGetHandleByIndex_v2(Count index, Device **handle) {
  Return answer = permitted(__func__, (int)index);
  if (answer) return answer;
  if (index >= (Count)state.devices) return INVALID;
  *handle = &state.device[index];
  return SUCCESS;
}

Return nvmlDeviceGetName(Device *handle, char *text, Count size) {
  BEGIN(handle)
  snprintf(text, size, "%s", device->name);
  return SUCCESS;
}

Return nvmlDeviceGetUUID(Device *handle, char *text, Count size) {
  BEGIN(handle)
  snprintf(text, size, "%s", device->uuid);
  return SUCCESS;
}

Return nvmlDeviceGetIndex(Device *handle, Count *index) {
  BEGIN(handle)
  *index = (Count)device->device;
  return SUCCESS;
}

typedef struct { Bytes total, free, used; } Memory;
typedef struct { Count version; Bytes total, reserved, free, used; } Memory2;

Return nvmlDeviceGetMemoryInfo(Device *handle, Memory *memory) {
  BEGIN(handle)
  memory->total = device->total, memory->used = device->in_use, memory->free = device->total - device->in_use;
  return SUCCESS;
}

Return nvmlDeviceGetMemoryInfo_v2(Device *handle, Memory2 *memory) {
  BEGIN(handle)
  memory->total = device->total, memory->used = device->in_use, memory->reserved = 0;
  memory->free = device->total - device->in_use;
  return SUCCESS;
}

typedef struct { Count gpu, memory; } Utilisation;

Return nvmlDeviceGetUtilizationRates(Device *handle, Utilisation *rates) {
  BEGIN(handle)
  CARDS_ONLY
  rates->gpu = (Count)device->util, rates->memory = (Count)device->memory_util;
  return SUCCESS;
}

Return nvmlDeviceGetPowerUsage(Device *handle, Count *milliwatts) {
  BEGIN(handle)
  if (device->slice >= 0) return UNSUPPORTED;
  *milliwatts = device->power;
  return SUCCESS;
}

Return nvmlDeviceGetTemperature(Device *handle, Count sensor, Count *celsius) {
  BEGIN(handle)
  (void)sensor;
  if (device->slice >= 0) return UNSUPPORTED;
  *celsius = (Count)device->temperature;
  return SUCCESS;
}

Return nvmlDeviceGetClockInfo(Device *handle, Count type, Count *megahertz) {
  BEGIN(handle)
  (void)type;
  if (device->slice >= 0) return UNSUPPORTED;
  *megahertz = (Count)device->clock;
  return SUCCESS;
}

Return nvmlDeviceGetPcieThroughput(Device *handle, Count counter, Count *kilobytes) {
  BEGIN(handle)
  CARDS_ONLY
  *kilobytes = counter == 0 ? device->pcie_tx : device->pcie_rx;
  return SUCCESS;
}

Return nvmlDeviceGetMaxPcieLinkGeneration(Device *handle, Count *generation) {
  BEGIN(handle)
  *generation = 4;
  return SUCCESS;
}

Return nvmlDeviceGetMaxPcieLinkWidth(Device *handle, Count *width) {
  BEGIN(handle)
  *width = 16;
  return SUCCESS;
}

Return nvmlDeviceGetNvLinkVersion(Device *handle, Count link, Count *version) {
  BEGIN(handle)
  (void)link, (void)version;
  return UNSUPPORTED;
}

typedef struct {
  Count field, scope;
  long long timestamp, latency;
  Count type;
  Return answer;
  Bytes value;
} FieldValue;

Return nvmlDeviceGetFieldValues(Device *handle, int count, FieldValue *values) {
  BEGIN(handle)
  for (int i = 0; i < count; i++) values[i].answer = SUCCESS, values[i].value = 0, values[i].type = 3;
  return SUCCESS;
}

typedef struct { Count pid; Bytes memory; Count gpu_instance, compute_instance; } ProcessInfo;

Return nvmlDeviceGetComputeRunningProcesses_v3(Device *handle, Count *count, ProcessInfo *found) {
  BEGIN(handle)
  Count room = *count, here = 0;
  for (int i = 0; i < state.processes; i++) {
    Process *process = &state.process[i];
    int matches = process->device == device->device && (device->slice < 0 || process->slice == device->slice);
    if (!matches) continue;
    if (found && here < room) {
      Count instance = process->slice < 0 ? ~0U : (Count)state.slice[process->device][process->slice].gi;
      found[here] = (ProcessInfo){process->pid, process->memory, instance, process->slice < 0 ? ~0U : 0};
    }
    here++;
  }
  *count = here;
  return here && (!found || here > room) ? TOO_SMALL : SUCCESS;
}

Return nvmlDeviceGetGraphicsRunningProcesses_v3(Device *handle, Count *count, ProcessInfo *found) {
  BEGIN(handle)
  (void)found;
  *count = 0;
  return SUCCESS;
}

Return nvmlDeviceGetMigMode(Device *handle, Count *current, Count *pending) {
  BEGIN(handle)
  *current = *pending = (Count)device->mig;
  return SUCCESS;
}

Return nvmlDeviceGetMaxMigDeviceCount(Device *handle, Count *count) {
  BEGIN(handle)
  *count = 7;
  return SUCCESS;
}

Return nvmlDeviceGetMigDeviceHandleByIndex(Device *handle, Count index, Device **slice) {
  BEGIN(handle)
  if (!device->mig || index >= MOST_SLICES || !state.slice[device->device][index].used) return NOT_FOUND;
  *slice = &state.slice[device->device][index];
  return SUCCESS;
}

Return nvmlDeviceGetGpuInstanceId(Device *handle, Count *instance) {
  BEGIN(handle)
  if (device->slice < 0) return UNSUPPORTED;
  *instance = (Count)device->gi;
  return SUCCESS;
}

typedef struct { Count processors, copy, decoder, encoder, jpeg, ofa, gpu_slices, compute_slices; Bytes memory_mib; } Attributes;

Return nvmlDeviceGetAttributes_v2(Device *handle, Attributes *attributes) {
  BEGIN(handle)
  if (device->slice < 0) return UNSUPPORTED;
  *attributes = (Attributes){.gpu_slices = (Count)device->slices, .compute_slices = (Count)device->slices,
                             .memory_mib = device->total >> 20};
  return SUCCESS;
}

/* Events: a device whose line has xid=N reports it once for each event set. */
typedef struct { Device *device; Bytes type, data; Count gpu_instance, compute_instance; } EventData;
typedef struct { int registered[MOST_DEVICES], told[MOST_DEVICES]; } EventSet;

Return nvmlEventSetCreate(EventSet **set) {
  Return answer = permitted(__func__, -1);
  if (!answer) *set = calloc(1, sizeof **set);
  return answer;
}

Return nvmlEventSetFree(EventSet *set) { free(set); return SUCCESS; }

Return nvmlDeviceRegisterEvents(Device *handle, Bytes types, EventSet *set) {
  BEGIN(handle)
  (void)types;
  set->registered[device->device] = 1;
  return SUCCESS;
}

Return nvmlEventSetWait_v2(EventSet *set, EventData *data, Count milliseconds) {
  Return answer = permitted(__func__, -1);
  if (answer) return answer;
  (void)milliseconds;
  for (int i = 0; i < state.devices; i++) {
    if (!set->registered[i] || set->told[i] == (int)state.device[i].xid) continue;
    set->told[i] = (int)state.device[i].xid;
    *data = (EventData){&state.device[i], 8, state.device[i].xid, ~0U, ~0U};
    return SUCCESS;
  }
  return TIMED_OUT;
}

/* Performance samples (GPM), which Hopper and newer cards give, for MIG slices too. */
typedef struct { int device, gi; } Sample;
typedef struct { Count metric; Return answer; double value; char *names[3]; } Metric;
typedef struct { Count version, count; Sample *before, *after; Metric metrics[]; } Metrics;
typedef struct { Count version, supported; } Support;

Return nvmlGpmQueryDeviceSupport(Device *handle, Support *support) {
  BEGIN(handle)
  support->supported = (Count)device->gpm;
  return SUCCESS;
}

Return nvmlGpmSampleAlloc(Sample **sample) { *sample = calloc(1, sizeof **sample); return SUCCESS; }

Return nvmlGpmSampleFree(Sample *sample) { free(sample); return SUCCESS; }

Return nvmlGpmSampleGet(Device *handle, Sample *sample) {
  BEGIN(handle)
  if (!device->gpm) return UNSUPPORTED;
  *sample = (Sample){device->device, -1};
  return SUCCESS;
}

Return nvmlGpmMigSampleGet(Device *handle, Count instance, Sample *sample) {
  BEGIN(handle)
  if (!device->gpm) return UNSUPPORTED;
  *sample = (Sample){device->device, (int)instance};
  return SUCCESS;
}

Return nvmlGpmMetricsGet(Metrics *metrics) {
  Sample *sample = metrics->after;
  Device *device = &state.device[sample->device];
  for (int i = 0; sample->gi >= 0 && i < MOST_SLICES; i++)
    if (state.slice[sample->device][i].used && state.slice[sample->device][i].gi == sample->gi)
      device = &state.slice[sample->device][i];
  Return answer = permitted(__func__, sample->device);
  if (answer) return answer;
  for (Count i = 0; i < metrics->count; i++) {
    Metric *metric = &metrics->metrics[i];
    metric->answer = SUCCESS;
    switch (metric->metric) {
      case 1: metric->value = device->gpm_engine; break;
      case 5: metric->value = device->gpm_tensor; break;
      case 10: metric->value = device->gpm_dram; break;
      case 20: metric->value = device->pcie_tx / 1024.0; break;
      case 21: metric->value = device->pcie_rx / 1024.0; break;
      default: metric->answer = UNSUPPORTED;
    }
  }
  return SUCCESS;
}
