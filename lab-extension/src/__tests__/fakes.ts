/**
 * The one double of each boundary: the REST client and the browser's WebSocket. Models, signals and widgets are real.
 */
import type { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { WindlassClient } from '../api/client';
import { CostsClient } from '../api/costs';
import { WindlassError } from '../api/errors';
import { WindlassSocket } from '../api/socket';
import type {
  ClientMessage,
  ClusterOffers,
  HubInfo,
  Info,
  Job,
  JobsEvent,
  Problem,
  ServerMessage
} from '../api/types';
import { fakeCosts } from './costs';
import { InfoModel } from '../model/info';
import { JobsModel } from '../model/jobs';
import { SettingsModel } from '../model/settings';
import type { IWindlass } from '../tokens';

/** A job that runs, but for what is given. */
export function makeJob(given: Partial<Job> = {}): Job {
  return {
    id: 'job-1',
    name: 'train',
    owner: 'ada',
    state: 'running',
    reason: '',
    engine: 'local',
    kind: 'torchrun',
    notebook: 'work/train.ipynb',
    parameters: { epochs: 3 },
    environment: 'python3',
    environment_name: 'Python 3',
    workers: 1,
    processes_per_worker: 2,
    gpus_per_worker: 0,
    world_size: 2,
    queue_position: null,
    time_limit_seconds: null,
    retries: 0,
    restarts: 0,
    created_at: '2026-11-23T05:31:00.000Z',
    started_at: '2026-11-23T05:31:01.000Z',
    ended_at: null,
    duration_seconds: 12,
    exit_code: null,
    progress: { fraction: 0.25, cell: 2, cells: 8, message: null },
    executed_notebook: null,
    bundle_sha256: 'ab'.repeat(32),
    bundle_bytes: 1000,
    git: null,
    experiment: 'train',
    run_id: null,
    experiment_id: null,
    runs: [],
    record: null,
    cost_usd: null,
    gpu_hours: null,
    usd_per_hour: null,
    cost_note: null,
    error: null,
    notices: [],
    rerun_of: null,
    version: 1,
    ...given
  };
}

/** What a server on one machine says of itself. */
export function makeInfo(given: Partial<Info> = {}): Info {
  return {
    version: '0.1.0',
    user: 'ada',
    root: '/home/ada',
    default_engine: 'local',
    engines: [],
    tracking: { mode: 'embedded', state: 'idle', url: null, message: null },
    max_bundle_bytes: 1_000_000,
    on_hub: false,
    hub: null,
    job_survives_server: true,
    ...given
  };
}

/** What a server says of its hub, where that runs Windlass. */
export function makeHubInfo(): HubInfo {
  return { user: 'ada', groups: [], jobs_namespace: null, profile: null, usd_per_hour: null, message: null };
}

/** What a small cluster offers, but for what is given. */
export function makeOffers(given: Partial<ClusterOffers> = {}): ClusterOffers {
  return {
    namespace: 'jobs-ada',
    server: 'https://cluster.test',
    version: 'v1.30.0',
    kinds: [
      { name: 'PyTorchJob', served: true, reason: 'Its operator is there.' },
      { name: 'TrainJob', served: false, reason: 'The cluster has no Kubeflow Trainer.' },
      { name: 'Job', served: true, reason: 'Kubernetes itself runs it.' }
    ],
    gpus: [],
    images: [],
    claims: [],
    queues: [],
    runtimes: [],
    priority_classes: [],
    node_classes: [],
    problems: [],
    ...given
  };
}

/** A problem as the server half words it. */
export function makeProblem(given: Partial<Problem> = {}): Problem {
  return {
    type: 'windlass:conflict',
    title: 'Not possible in this state',
    status: 409,
    detail: 'The job has ended.',
    instance: null,
    fields: [],
    extra: {},
    ...given
  };
}

/** A failure of the given kind. */
export function failure(kind: WindlassError.Kind, status = 0): WindlassError {
  return new WindlassError({ kind, status, message: `${kind} for the test` });
}

/** Connection settings that lead nowhere. */
export function fakeSettings(): ServerConnection.ISettings {
  const settings: Partial<ServerConnection.ISettings> = {
    baseUrl: 'http://jupyter.test/base/',
    wsUrl: 'ws://jupyter.test/base/',
    appendToken: true,
    token: 'secret',
    init: {},
    fetch,
    Headers,
    Request,
    WebSocket: FakeWebSocket as unknown as typeof WebSocket
  };
  return settings as ServerConnection.ISettings;
}

/** A client whose every call is a mock that answers with something sensible. */
export function fakeClient(jobs: readonly Job[] = []): jest.Mocked<WindlassClient> {
  const client = jest.mocked(new WindlassClient({ serverSettings: fakeSettings() }));
  const find = (id: string) => jobs.find(job => job.id === id) ?? makeJob({ id });
  const answers: { [K in keyof WindlassClient]?: WindlassClient[K] } = {
    info: async () => makeInfo(),
    doctor: async () => ({ items: [] }),
    cluster: async () => makeOffers(),
    placement: async () => Promise.reject(failure('problem', 500)),
    environments: async () => ({ items: [], default: null }),
    preview: async () => Promise.reject(failure('problem', 500)),
    submit: async () => makeJob({ id: 'new', state: 'submitted' }),
    list: async () => ({ items: [...jobs], next_cursor: null }),
    job: async id => find(id),
    stop: async id => ({ ...find(id), state: 'stopped', version: find(id).version + 1 }),
    rerun: async id => makeJob({ id: 'again', state: 'submitted', rerun_of: id }),
    remove: async () => undefined,
    logs: async () => ({ offset: 0, next_offset: 0, size_bytes: 0, complete: true, segments: [] }),
    notebook: async () => ({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
    diff: async id => ({
      notebook: find(id).notebook,
      exists: true,
      identical: true,
      message: null,
      cells: []
    })
  };
  for (const [name, answer] of Object.entries(answers)) {
    Object.assign(client, { [name]: jest.fn(answer as () => unknown) });
  }
  return client;
}

/** The browser's end of a WebSocket, with the server's end in the test's hands. */
export class FakeWebSocket {
  constructor(readonly url: string) {
    FakeWebSocket.made.push(this);
  }

  /** All that were made since the last `reset`. */
  static made: FakeWebSocket[] = [];

  static get last(): FakeWebSocket {
    const last = FakeWebSocket.made.at(-1);
    if (!last) {
      throw new Error('No socket was opened');
    }
    return last;
  }

  static reset(): void {
    FakeWebSocket.made = [];
  }

  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  isClosed = false;
  readonly sent: ClientMessage[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The server says something. */
  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The server says who it is: the connection can be used. */
  greet(): void {
    this.say({ type: 'hello', server_version: '0.1.0' });
  }

  /** The server tells of jobs. */
  tell(jobs: Job[], rest: Partial<JobsEvent> = {}): void {
    this.say({ type: 'jobs', cursor: 'c1', reset: false, jobs, removed: [], ...rest });
  }

  /** The connection is lost. */
  drop(): void {
    this.onclose?.();
  }
}

/** Windlass as plugins see it: real models over the doubles. */
export interface IFakeWindlass extends IWindlass {
  readonly client: jest.Mocked<WindlassClient>;
  readonly jobs: JobsModel;
  readonly info: InfoModel;
}

/** Windlass over a fake client that knows these jobs. */
export function fakeWindlass(jobs: readonly Job[] = []): IFakeWindlass {
  FakeWebSocket.reset();
  if (!jest.isMockFunction(CostsClient.prototype.estimate)) {
    fakeCosts();
  }
  const client = fakeClient(jobs);
  const socket = new WindlassSocket({ serverSettings: client.serverSettings });
  const info = new InfoModel({ client });
  const settings = new SettingsModel();
  return {
    client,
    socket,
    info,
    settings,
    store: null,
    jobs: new JobsModel({ client, info, settings, socket }),
    trans: nullTranslator.load('windlass')
  };
}
