import { CommandRegistry } from '@lumino/commands';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import type { GpuSnapshot } from '../../api/types';
import { pathOf } from '../../components/sparkline';
import type { GpusModel } from '../../model/gpus';
import { gpusOf } from '../../model/gpus';
import { GpuCommandIDs } from '../../model/gpuCommands';
import { GpusBody } from '../../sidebar/gpus/body';
import { statusText } from '../../statusbar/gpus';
import type { IFakeWindlass } from '../fakes';
import { failure, fakeWindlass } from '../fakes';
import { GIB, makeDevice, makeGroup, makePodDevice, makeSnapshot } from '../gpus';

describe('the GPUs section', () => {
  let windlass: IFakeWindlass;
  let model: GpusModel;
  const opened = jest.fn();
  const commands = new CommandRegistry();
  commands.addCommand(GpuCommandIDs.openGpus, {
    describedBy: { args: { type: 'object', properties: { id: { type: 'string' } } } },
    execute: args => void opened(args.id)
  });

  const show = async (given: Partial<GpuSnapshot>) => {
    jest.spyOn(model.client, 'snapshot').mockResolvedValue(makeSnapshot(given));
    await act(async () => model.peek());
    render(<GpusBody commands={commands} model={model} windlass={windlass} />);
  };
  const row = (name: RegExp) => screen.getByRole('treeitem', { name });

  beforeEach(() => {
    windlass = fakeWindlass();
    model = gpusOf(windlass);
    opened.mockClear();
  });

  afterEach(() => {
    cleanup();
    model.dispose();
    windlass.socket.dispose();
  });

  it('says all of a device in words', async () => {
    await show({
      devices: [
        makeDevice({
          owners: [
            {
              kind: 'kernel',
              label: 'a.ipynb',
              notebook: 'a.ipynb',
              job_id: null,
              rank: null,
              pod: null,
              pid: 1,
              memory_bytes: null
            }
          ],
          idle_since: '1970-01-01T00:04:40Z',
          usd_per_hour: 2.1
        })
      ]
    });
    const name = row(/^GPU 0/).getAttribute('aria-label');
    expect(name).toBe(
      'GPU 0, A100-SXM4-40GB, use 87 %, memory 8 of 40 GiB, 312 W, used by a.ipynb, Idle for 12:00, costs $2.10/h'
    );
  });

  it('calls unknown what is not known, and draws it neither full nor empty', async () => {
    await show({ devices: [makeDevice({ now: null, owners_known: false, problem: 'Lost.' })], engine: null });
    expect(row(/^GPU 0/).getAttribute('aria-label')).toBe(
      'GPU 0, A100-SXM4-40GB, use unknown, memory unknown of 40 GiB, used by unknown who uses it, Lost.'
    );
    expect(document.querySelectorAll('.jp-WindlassMeter.jp-mod-unknown')).toHaveLength(2);
    expect(document.querySelectorAll('.jp-WindlassMeter-bar')).toHaveLength(0);
  });

  it('marks the rank that is behind, on its job and on itself', async () => {
    await show({
      devices: [makePodDevice(0), makePodDevice(1)],
      groups: [makeGroup({ devices: 2, straggler_rank: 1, usd_per_hour: 8, usd: 12.4 })]
    });
    expect(row(/^Job resnet/).textContent).toContain('rank 1 stands out');
    expect(row(/^Job resnet/).textContent).toContain('$8.00/h · $12.40 so far');
    expect(row(/^Rank 1/).textContent).toContain('Stands out');
    expect(row(/^Rank 0/).textContent).not.toContain('Stands out');
  });

  it('shows what a pod uses beside its GPUs once, and pods without any below them', async () => {
    await show({
      devices: [makePodDevice(0), makePodDevice(0, { id: 'GPU-0b', index: 1 }), makePodDevice(1)],
      groups: [makeGroup({ devices: 3 })],
      pods: [
        { pod: 'resnet-0', job_id: 'job-1', rank: 0, cpu_cores: 3.24, memory_bytes: 12.4 * GIB },
        { pod: 'resnet-1', job_id: 'job-1', rank: 1, cpu_cores: 1, memory_bytes: null },
        { pod: 'launcher', job_id: 'job-1', rank: null, cpu_cores: 0.01, memory_bytes: GIB },
        { pod: 'of-another-job', job_id: 'job-2', rank: 0, cpu_cores: 1, memory_bytes: GIB }
      ]
    });
    expect(row(/^Rank 0 · GPU 0/).textContent).toContain('resnet-03.2 cores · 12.4 GiB');
    expect(row(/^Rank 0 · GPU 0/).getAttribute('aria-label')).toContain('its pod: 3.2 cores · 12.4 GiB');
    expect(row(/^Rank 0 · GPU 1/).textContent).not.toContain('cores');
    expect(row(/^Rank 1/).textContent).toContain('1 core · memory unknown');
    const rows = screen.getAllByRole('treeitem').map(each => each.getAttribute('aria-label') ?? '');
    expect(rows).toHaveLength(5);
    expect(rows[4]).toBe('launcher, without a GPU that is known, <0.1 cores · 1 GiB');
    fireEvent.keyDown(row(/^launcher/), { key: 'Enter' });
    fireEvent.click(row(/^launcher/));
    expect(opened.mock.calls).toEqual([['job-1'], ['job-1']]);
  });

  it('leaves it to slices to say who uses their card', async () => {
    const card = { id: 'GPU-b', index: 1 };
    await show({
      devices: [
        makeDevice(card),
        makeDevice({ id: 'MIG-1', parent_uuid: 'GPU-b', kind: 'slice', index: 1, mig_profile: '1g.5gb' })
      ]
    });
    expect(row(/^GPU 1/).textContent).not.toContain('nobody');
    expect(row(/^MIG 1g.5gb/).textContent).toContain('nobody');
  });

  it('goes up to the head and down from it by the arrows, as trees do', async () => {
    await show({ devices: [makeDevice(), makeDevice({ id: 'GPU-b', index: 1 })] });
    const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
    act(() => row(/^This machine/).focus());
    press('ArrowRight');
    press('ArrowDown');
    expect(document.activeElement).toBe(row(/^GPU 1/));
    press('ArrowRight');
    expect(document.activeElement).toBe(row(/^GPU 1/));
    press('ArrowLeft');
    expect(document.activeElement).toBe(row(/^This machine/));
    press('ArrowLeft');
    expect(screen.queryByRole('treeitem', { name: /^GPU 1/ })).toBeNull();
    press('ArrowLeft');
    expect(document.activeElement).toBe(row(/^This machine/));
  });

  it('opens the charts of a job by key and click, and closes a head', async () => {
    await show({ devices: [makePodDevice(0), makeDevice()], groups: [makeGroup({ devices: 1 })] });
    fireEvent.click(row(/^Rank 0/));
    fireEvent.keyDown(row(/^This machine/), { key: 'Enter' });
    expect(opened.mock.calls).toEqual([['job-1'], [undefined]]);
    fireEvent.keyDown(row(/^This machine/), { key: 'ArrowLeft' });
    expect(screen.queryByRole('treeitem', { name: /^GPU 0/ })).toBeNull();
    expect(row(/^This machine/).getAttribute('aria-expanded')).toBe('false');
  });

  it('states conditions as sentences, also where there is no device', async () => {
    await show({
      devices: [],
      conditions: [{ source: 'nvml', code: 'no-driver', message: 'There is no NVIDIA driver.' }]
    });
    const told = screen.getAllByRole('status').map(({ textContent }) => textContent);
    expect(told.join()).toContain('No GPU can be seen.');
    expect(told.join()).toContain('This machine: There is no NVIDIA driver.');
  });

  it('keeps what it showed, and says since when it is old; says why when there is nothing', async () => {
    await show({});
    jest.spyOn(model.client, 'snapshot').mockRejectedValue(failure('offline'));
    await act(async () => model.peek());
    expect(row(/^GPU 0/)).toBeTruthy();
    expect(screen.getAllByRole('status')[0]?.textContent).toContain('As of');
  });

  it('says why there is nothing, and tries again', async () => {
    const ask = jest.spyOn(model.client, 'snapshot').mockRejectedValue(failure('problem', 503));
    await act(async () => model.peek());
    render(<GpusBody commands={commands} model={model} windlass={windlass} />);
    expect(screen.getByRole('alert').textContent).toContain('503');
    ask.mockResolvedValue(makeSnapshot());
    await act(async () => screen.getByRole('button', { name: 'Try again' }).click());
    expect(row(/^GPU 0/)).toBeTruthy();
  });

  it('says in the status bar what is used and spent, and nothing of nothing', () => {
    const { trans } = windlass;
    expect(statusText(makeSnapshot({ usd_per_hour: 12.4 }), trans)).toBe('GPU 87 % · $12.40/h');
    expect(statusText(makeSnapshot({ engine: null, usd_per_hour: 0 }), trans)).toBe('GPU ?');
    expect(statusText(makeSnapshot({ devices: [], usd_per_hour: 3 }), trans)).toBe('$3.00/h');
    expect(statusText(makeSnapshot({ usd_per_hour: null }), trans)).toBe('GPU 87 % · $?/h');
  });
});

describe('a sparkline', () => {
  const frame = { from: 0, to: 100, width: 100, height: 18 };

  it('joins neighbours, and breaks where nothing is known or nobody looked', () => {
    const path = pathOf(
      [
        [0, 0],
        [10, 1],
        [20, null],
        [30, 0.5],
        [90, 0.5]
      ],
      frame
    );
    expect(path).toBe('M0.0 17.0h.01L10.0 1.0M30.0 9.0h.01M90.0 9.0h.01');
  });

  it('leaves out what is too old', () => {
    expect(pathOf([[-5, 1]], frame)).toBe('');
  });
});
