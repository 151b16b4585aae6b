import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { CommandRegistry } from '@lumino/commands';
import { CommandIDs } from '../../commands';
import { notifyOfEnds } from '../../live/notifications';
import { saveResponder } from '../../live/saving';
import { trackingUrl } from '../../model/tracking';
import { countText, RunningJobs } from '../../statusbar/item';
import type { IFakeWindlass } from '../fakes';
import { FakeWebSocket, fakeWindlass, makeInfo, makeJob } from '../fakes';

describe('notifications', () => {
  let windlass: IFakeWindlass;
  let emit: jest.SpyInstance<string, Parameters<typeof Notification.emit>>;
  const commands = new CommandRegistry();

  const end = async (
    state: 'succeeded' | 'failed' | 'stopped' | 'lost',
    wanted: 'all' | 'failed' | 'none' = 'all'
  ) => {
    windlass = fakeWindlass([makeJob()]);
    Object.defineProperty(windlass.settings, 'notifyFinished', { value: wanted });
    emit = jest.spyOn(Notification, 'emit').mockReturnValue('id');
    notifyOfEnds(windlass, commands);
    await windlass.jobs.refresh();
    FakeWebSocket.last.greet();
    FakeWebSocket.last.tell([makeJob({ state, reason: 'the machine was restarted', version: 2 })]);
  };

  afterEach(() => {
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });

  it.each([
    ['succeeded', 'success', 'Job “train” has succeeded.'],
    ['failed', 'error', 'Job “train” has failed: the machine was restarted'],
    ['lost', 'error', 'Job “train” is lost: the machine was restarted']
  ] as const)('tells of a job that has %s', async (state, kind, text) => {
    await end(state);
    expect(emit).toHaveBeenCalledWith(text, kind, expect.anything());
  });

  it('keeps silent about what the user has stopped, or does not want to hear', async () => {
    await end('stopped');
    expect(emit).not.toHaveBeenCalled();
    await end('succeeded', 'failed');
    expect(emit).not.toHaveBeenCalled();
    await end('failed', 'none');
    expect(emit).not.toHaveBeenCalled();
  });

  it('opens the job from its notification', async () => {
    const execute = jest.spyOn(commands, 'execute').mockResolvedValue(undefined);
    await end('succeeded');
    emit.mock.calls[0]?.[2]?.actions?.[0]?.callback(new MouseEvent('click'));
    expect(execute).toHaveBeenCalledWith(CommandIDs.openJob, { id: 'job-1' });
  });
});

describe('the answer to a request to save', () => {
  const answer = async (context: object | null) => {
    const panel = context && {
      context: {
        path: 'RTC:work/a.ipynb',
        ready: Promise.resolve(),
        contentsModel: { writable: true },
        ...context
      }
    };
    const notebooks = {
      find: (test: (panel: object) => boolean) => (panel && test(panel) ? panel : undefined)
    };
    const contents = { localPath: (path: string) => path.replace(/^\w+:/, '') };
    return saveResponder(
      notebooks as unknown as INotebookTracker,
      contents as unknown as Contents.IManager
    )('work/a.ipynb');
  };

  it('is that nothing needs saving', async () => {
    expect(await answer({ model: { dirty: false } })).toEqual({ result: 'unchanged' });
  });

  it('is that the notebook is not open here', async () => {
    expect(await answer(null)).toEqual({ result: 'not_open' });
  });

  it('is that it was saved, once nothing unsaved is left', async () => {
    const model = { dirty: true };
    expect(await answer({ model, save: async () => void (model.dirty = false) })).toEqual({
      result: 'saved'
    });
  });

  it('is a failure when something unsaved is left', async () => {
    const outcome = await answer({ model: { dirty: true }, save: async () => undefined });
    expect(outcome.result).toBe('failed');
  });

  it('is the reason when saving fails or is not allowed', async () => {
    const save = async () => Promise.reject(new Error('disk full'));
    const model = { dirty: true };
    expect(await answer({ model, save })).toEqual({ result: 'failed', message: 'disk full' });
    const readOnly = await answer({ model, save, contentsModel: { writable: false } });
    expect(readOnly.message).toContain('read-only');
  });
});

describe('the status bar', () => {
  it('counts what runs and what waits', () => {
    const { trans } = fakeWindlass();
    const of = (...states: ReturnType<typeof makeJob>['state'][]) =>
      countText(
        states.map((state, i) => makeJob({ id: String(i), state })),
        trans
      );
    expect(of('running', 'succeeded')).toBe('1 job running');
    expect(of('running', 'restarting')).toBe('2 jobs running');
    expect(of('running', 'queued', 'pending')).toBe('1 running, 2 waiting');
  });

  it('follows the jobs, and shows the panel when clicked', async () => {
    const windlass = fakeWindlass([makeJob()]);
    const commands = new CommandRegistry();
    const execute = jest.spyOn(commands, 'execute').mockResolvedValue(undefined);
    const item = new RunningJobs({ commands, windlass });
    await windlass.jobs.refresh();
    expect(item.node.textContent).toContain('1 job running');
    item.node.click();
    expect(execute).toHaveBeenCalledWith(CommandIDs.showPanel);
    item.dispose();
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });
});

describe('the address of MLflow’s page', () => {
  const at = (url: string | null) =>
    makeInfo({ tracking: { mode: 'configured', state: 'up', url, message: null } });

  it.each([
    ['http://mlflow.test', 'hub.test', 'http://mlflow.test'],
    ['http://127.0.0.1:5000', 'localhost', 'http://127.0.0.1:5000'],
    ['http://127.0.0.1:5000', 'hub.test', null],
    ['http://[::1]:5000', 'hub.test', null],
    ['javascript:alert(1)', 'localhost', null],
    [null, 'localhost', null]
  ])('of %s seen from %s is %s', (url, hostname, expected) => {
    expect(trackingUrl(at(url), { hostname })).toBe(expected);
  });

  it('is unknown before the server has said anything', () => {
    expect(trackingUrl(null, { hostname: 'localhost' })).toBeNull();
  });
});
