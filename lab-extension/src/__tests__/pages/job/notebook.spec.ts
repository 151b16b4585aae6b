import type { INotebookContent, IOutput } from '@jupyterlab/nbformat';
import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { act, waitFor } from '@testing-library/react';
import type { JobState } from '../../../api/types';
import { JobPageModel } from '../../../pages/job/model';
import { planOutputs, readCells } from '../../../pages/job/notebook/plan';
import { NotebookTab } from '../../../pages/job/notebook/tab';
import type { IFakeWindlass } from '../../fakes';
import { FakeWebSocket, failure, fakeWindlass, makeJob } from '../../fakes';

function stream(text: string): IOutput {
  return { output_type: 'stream', name: 'stdout', text };
}

function html(text: string): IOutput {
  return { output_type: 'display_data', data: { 'text/html': text, 'text/plain': 'plain' }, metadata: {} };
}

const DONE = {
  'iopub.execute_input': '2026-11-23T05:31:00.000Z',
  'shell.execute_reply': '2026-11-23T05:31:01.250Z'
};
const BEGUN = { 'iopub.execute_input': '2026-11-23T05:31:01.300Z' };

function code(id: string, rest: { outputs?: IOutput[]; execution?: object; windlass?: object } = {}) {
  const { outputs = [], execution, windlass } = rest;
  return {
    cell_type: 'code',
    id,
    source: [`run_${id}()\n`, 'done()'],
    execution_count: execution ? 1 : null,
    metadata: { ...(execution ? { execution } : {}), ...(windlass ? { windlass } : {}) },
    outputs
  };
}

function notebook(...cells: object[]): INotebookContent {
  return { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 } as unknown as INotebookContent;
}

describe('reading a notebook', () => {
  it('joins what is written in pieces, and knows when a cell began and ended', () => {
    expect(readCells(notebook(code('a', { execution: DONE })))[0]).toMatchObject({
      key: 'a',
      kind: 'code',
      source: 'run_a()\ndone()',
      executionCount: 1,
      startedAt: Date.parse('2026-11-23T05:31:00.000Z'),
      endedAt: Date.parse('2026-11-23T05:31:01.250Z'),
      skipped: null
    });
  });

  it('bears cells that say next to nothing', () => {
    const odd = { cell_type: 'heading', source: 'x', metadata: null };

    expect(readCells(notebook(odd))[0]).toMatchObject({
      key: '#0',
      kind: 'raw',
      outputs: [],
      startedAt: null
    });
  });
});

describe('what to do about outputs', () => {
  const [a, b, c] = [stream('a'), stream('b'), html('c')];

  it.each<[string, IOutput[], IOutput[], object]>([
    ['the same', [a, b], [a, b], { kind: 'none' }],
    ['none', [], [], { kind: 'none' }],
    ['one more', [a], [a, b], { kind: 'from', from: 1 }],
    ['a changed last one', [a, b], [a, c], { kind: 'from', from: 1 }],
    ['fewer', [a, b], [a], { kind: 'all' }]
  ])('when there are %s', (_, before, after, change) => {
    expect(planOutputs(before, after)).toEqual(change);
  });
});

describe('the notebook on the page', () => {
  let page: NotebookTab;
  let model: JobPageModel;

  async function show(windlass: IFakeWindlass): Promise<void> {
    windlass.socket.subscribeJobs();
    FakeWebSocket.last.greet();
    model = new JobPageModel({ windlass, jobId: 'job-1' });
    const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
    page = new NotebookTab({ model, rendermime });
    await act(async () => Widget.attach(page, document.body));
    await waitFor(() => expect(windlass.client.notebook).toHaveBeenCalled());
  }

  function serve(windlass: IFakeWindlass, content: INotebookContent): void {
    windlass.client.notebook.mockImplementation(async () => content);
  }

  async function announce(version: string): Promise<void> {
    await act(async () => FakeWebSocket.last.say({ type: 'notebook', job_id: 'job-1', version }));
  }

  async function tellState(state: JobState, version: number): Promise<void> {
    await act(async () => FakeWebSocket.last.tell([makeJob({ state, version })]));
  }

  const cells = (): Element[] => [...page.node.querySelectorAll('.jp-WindlassCell')];

  afterEach(async () => {
    await act(async () => page.dispose());
    model.dispose();
  });

  it('changes only what has changed', async () => {
    const windlass = fakeWindlass();
    serve(windlass, notebook(code('a', { execution: DONE, outputs: [stream('first')] }), code('b')));
    await show(windlass);
    await waitFor(() => expect(page.node.textContent).toContain('first'));
    const [a, b] = cells();
    const output = a?.querySelector('.jp-OutputArea-child');

    serve(
      windlass,
      notebook(
        code('a', { execution: DONE, outputs: [stream('first')] }),
        code('b', { execution: BEGUN, outputs: [stream('second')] })
      )
    );
    await announce('v2');
    await waitFor(() => expect(page.node.textContent).toContain('second'));

    expect(cells()).toEqual([a, b]);
    expect(cells()[0]).toBe(a);
    expect(a?.querySelector('.jp-OutputArea-child')).toBe(output);
  });

  it('lets output grow without making it anew', async () => {
    const windlass = fakeWindlass();
    serve(
      windlass,
      notebook(code('a', { execution: BEGUN, outputs: [stream('epoch 1\n'), html('<b>x</b>')] }))
    );
    await show(windlass);
    await waitFor(() => expect(page.node.textContent).toContain('epoch 1'));

    serve(
      windlass,
      notebook(
        code('a', { execution: BEGUN, outputs: [stream('epoch 1\nepoch 2\n'), html('<b>x</b>'), html('y')] })
      )
    );
    await announce('v2');
    await waitFor(() => expect(page.node.textContent).toContain('epoch 2'));
    expect(page.node.textContent.match(/epoch 1/g)).toHaveLength(1);
    expect(page.node.querySelectorAll('.jp-OutputArea-child')).toHaveLength(3);
  });

  it('marks the cell that runs while the job runs, and says how long others took', async () => {
    const windlass = fakeWindlass();
    serve(windlass, notebook(code('a', { execution: DONE }), code('b', { execution: BEGUN })));
    await show(windlass);
    await tellState('running', 2);
    await waitFor(() => expect(cells()[1]?.getAttribute('aria-current')).toBe('step'));
    expect(cells()[0]?.textContent).toContain('1.25 s');

    await tellState('failed', 3);
    expect(cells()[1]?.getAttribute('aria-current')).toBeNull();
  });

  it('runs no script and no handler that an output brings', async () => {
    const windlass = fakeWindlass();
    const script = {
      output_type: 'display_data',
      data: { 'application/javascript': 'window.hacked = 1' },
      metadata: {}
    };
    serve(
      windlass,
      notebook(
        code('a', {
          outputs: [
            html(
              '<p id="kept">kept</p><img src="x" onerror="window.hacked = 1"><script>window.hacked = 1</script>'
            ),
            script
          ]
        })
      )
    );
    await show(windlass);
    await waitFor(() => expect(page.node.textContent).toContain('kept'));

    expect(page.node.querySelector('script')).toBeNull();
    expect(page.node.innerHTML).not.toContain('onerror');
    expect(window).not.toHaveProperty('hacked');
  });

  it('says that nothing has run yet, and fills when something has', async () => {
    const windlass = fakeWindlass();
    windlass.client.notebook.mockRejectedValueOnce(failure('problem', 404));
    await show(windlass);
    await waitFor(() => expect(page.node.textContent).toContain('No cell has run yet'));
    serve(windlass, notebook(code('a')));
    await announce('v1');

    await waitFor(() => expect(cells()).toHaveLength(1));
    expect(page.node.textContent).not.toContain('No cell has run yet');
  });

  it('says why it could not be read, and reads it when asked again', async () => {
    const windlass = fakeWindlass();
    windlass.client.notebook.mockRejectedValueOnce(failure('offline'));
    await show(windlass);
    await waitFor(() => expect(page.node.querySelector('[role=alert]')).not.toBeNull());
    serve(windlass, notebook(code('a')));
    await act(async () => page.node.querySelector<HTMLButtonElement>('[role=alert] button')?.click());

    await waitFor(() => expect(cells()).toHaveLength(1));
    expect(page.node.querySelector('[role=alert]')).toBeNull();
  });

  it('drops cells that are no longer there', async () => {
    const windlass = fakeWindlass();
    serve(windlass, notebook(code('a'), code('b'), code('c')));
    await show(windlass);
    await waitFor(() => expect(cells()).toHaveLength(3));
    serve(windlass, notebook(code('a'), code('c')));
    await announce('v2');

    await waitFor(() => expect(cells()).toHaveLength(2));
    expect(page.node.textContent).not.toContain('run_b');
  });
});
