import type { INotebookModel } from '@jupyterlab/notebook';
import { act, configure, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { WindlassError } from '../../api/errors';
import type { Job, JobPreview, JsonValue } from '../../api/types';
import type { IMemoryStore } from '../../dialogs/memory';
import { failure, makeJob, makeProblem } from '../fakes';
import type { IOpened } from './opening';
import { closeDialog, finding, makePreview, openDialog, ready, submitButton, type } from './opening';

// jsdom takes a <dialog> without `open` for hidden; JupyterLab shows its own by style.
configure({ defaultHidden: true });

afterEach(closeDialog);

describe('the submit dialog', () => {
  it('sends what was typed and answers with the job', async () => {
    const opened = await openDialog();
    await ready(opened);
    type(opened, 'Workers', '2');
    type(opened, 'epochs', '10');
    await act(async () => submitButton(opened).click());

    expect((await opened.answer)?.id).toBe('new');
    const [request] = opened.windlass.client.submit.mock.calls[0] ?? [];
    expect(request).toMatchObject({ workers: 2, parameters: { epochs: 10 } });
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('makes one job of a double click', async () => {
    let settle: (job: Job) => void = () => undefined;
    const opened = await openDialog({
      arrange: ({ client }) => client.submit.mockReturnValue(new Promise(resolve => (settle = resolve)))
    });
    await ready(opened);
    await act(async () => {
      submitButton(opened).click();
      submitButton(opened).click();
    });
    await act(async () => settle(makeJob({ id: 'only' })));

    expect((await opened.answer)?.id).toBe('only');
    expect(opened.windlass.client.submit).toHaveBeenCalledTimes(1);
  });

  it('submits by Enter in a field, and not by Enter on a tab', async () => {
    const opened = await openDialog();
    await ready(opened);
    fireEvent.keyDown(opened.dialog.getByRole('tab', { name: 'Run' }), { key: 'Enter', keyCode: 13 });
    expect(opened.windlass.client.submit).not.toHaveBeenCalled();

    await act(async () => {
      fireEvent.keyDown(opened.dialog.getByLabelText('Workers'), { key: 'Enter', keyCode: 13 });
    });
    expect((await opened.answer)?.id).toBe('new');
  });

  it('answers with nothing when it is left by Esc', async () => {
    const opened = await openDialog();
    fireEvent.keyDown(opened.dialog.getByLabelText('Workers'), { key: 'Escape', keyCode: 27 });

    expect(await opened.answer).toBeNull();
  });

  it('says at the field what is wrong, why it cannot be sent, and sends nothing', async () => {
    const opened = await openDialog();
    await ready(opened);
    type(opened, 'epochs', 'many');
    const field = opened.dialog.getByLabelText('epochs');

    expect(field.getAttribute('aria-invalid')).toBe('true');
    const described = (field.getAttribute('aria-describedby') ?? '').split(' ');
    expect(described.map(id => document.getElementById(id)?.textContent)).toEqual([
      'Enter a whole number.',
      'about epochs'
    ]);
    expect(submitButton(opened).getAttribute('aria-disabled')).toBe('true');
    expect(opened.dialog.getByText('Correct the marked fields first.')).toBeTruthy();
    await act(async () => submitButton(opened).click());
    expect(opened.windlass.client.submit).not.toHaveBeenCalled();
  });

  it('shows what the server refuses at the field it names, and keeps everything typed', async () => {
    const problem = makeProblem({
      status: 422,
      detail: 'epochs is too large.',
      fields: [{ field: 'parameters.epochs', message: 'At most 100.' }]
    });
    const refusal = new WindlassError({ kind: 'problem', status: 422, message: '', problem });
    const opened = await openDialog({
      arrange: ({ client }) => client.submit.mockRejectedValueOnce(refusal)
    });
    await ready(opened);
    type(opened, 'epochs', '1000');
    type(opened, 'Name', 'my run');
    await act(async () => submitButton(opened).click());

    expect(await opened.dialog.findByText('At most 100.')).toBeTruthy();
    expect(opened.dialog.getByLabelText<HTMLInputElement>('Name').value).toBe('my run');
    type(opened, 'epochs', '10');
    expect(opened.dialog.queryByText('At most 100.')).toBeNull();
    await act(async () => submitButton(opened).click());
    expect((await opened.answer)?.id).toBe('new');
  });

  it('goes back to the default when asked', async () => {
    const opened = await openDialog();
    await ready(opened);
    type(opened, 'epochs', '7');
    fireEvent.click(opened.dialog.getByRole('button', { name: 'Reset' }));

    expect(opened.dialog.getByLabelText<HTMLInputElement>('epochs').value).toBe('3');
    expect(opened.dialog.queryByRole('button', { name: 'Reset' })).toBeNull();
  });

  it('offers an engine that cannot be used only with the reason why', async () => {
    const { dialog } = await openDialog();

    expect(await dialog.findByText('Cluster: Install the extra “kubernetes”.')).toBeTruthy();
    expect(dialog.getByRole<HTMLInputElement>('radio', { name: 'Cluster' }).disabled).toBe(true);
    expect(dialog.getByRole<HTMLInputElement>('radio', { name: 'This machine' }).checked).toBe(true);
    expect(dialog.getByText('1 of 4 free')).toBeTruthy();
  });

  it('remembers the choices of the last job of this notebook', async () => {
    const kept = new Map<string, unknown>();
    const store: IMemoryStore = {
      fetch: async id => kept.get(id) as JsonValue | undefined,
      save: async (id, value) => kept.set(id, value)
    };
    const first = await openDialog({ path: 'a.ipynb', store });
    await ready(first);
    type(first, 'Workers', '3');
    await act(async () => submitButton(first).click());
    await first.answer;

    const again = await openDialog({ path: 'a.ipynb', store });
    expect(again.dialog.getByLabelText<HTMLInputElement>('Workers').value).toBe('3');
    await act(async () => again.dialog.getByRole('button', { name: 'Cancel' }).click());
    const other = await openDialog({ path: 'b.ipynb', store });
    expect(other.dialog.getByLabelText<HTMLInputElement>('Workers').value).toBe('1');
  });
});

describe('saving before it is sent', () => {
  function context(save: () => Promise<void>) {
    const model = { dirty: true } as INotebookModel;
    return {
      model,
      save: jest.fn(async () => {
        await save();
        model.dirty = false;
      })
    };
  }

  it('happens before the dialog is shown', async () => {
    const notebook = context(async () => undefined);
    await openDialog({ context: notebook });

    expect(notebook.save).toHaveBeenCalledTimes(1);
  });

  it('that failed is said with the reason, and the file as saved may go', async () => {
    const notebook = context(async () => Promise.reject(new Error('No space left')));
    const opened = await openDialog({ context: notebook });
    await ready(opened);
    expect(opened.dialog.getByText(/could not be saved: No space left\./)).toBeTruthy();

    await act(async () => submitButton(opened).click());
    expect((await opened.answer)?.id).toBe('new');
  });

  it('that failed only at the end holds the job back once', async () => {
    let isFull = false;
    const notebook = context(async () => (isFull ? Promise.reject(new Error('No space left')) : undefined));
    const opened = await openDialog({ context: notebook });
    await ready(opened);
    notebook.model.dirty = true;
    isFull = true;
    await act(async () => submitButton(opened).click());
    expect(opened.windlass.client.submit).not.toHaveBeenCalled();

    await act(async () => submitButton(opened).click());
    expect((await opened.answer)?.id).toBe('new');
  });
});

describe('the preview', () => {
  async function openPreview(preview: Partial<JobPreview>): Promise<IOpened> {
    const opened = await openDialog({
      arrange: ({ client }) => client.preview.mockImplementation(async () => makePreview(preview))
    });
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));
    await opened.dialog.findByText('What goes');
    return opened;
  }

  it('shows every file with its size and reason, the largest first, and in another order when asked', async () => {
    const { dialog } = await openPreview({});
    const table = within(dialog.getByRole('table', { name: 'Files that go' }));
    const firstCells = () => table.getAllByRole('row').map(row => row.firstElementChild?.textContent);

    expect(firstCells()).toEqual(['File', 'work/model.py', 'work/train.ipynb', '2 files']);
    expect(table.getByText('imported by train.ipynb, cell 1')).toBeTruthy();
    expect(table.getAllByText('5.6 MB')).toHaveLength(2);
    fireEvent.click(table.getByRole('button', { name: 'Size' }));
    expect(firstCells()).toEqual(['File', 'work/train.ipynb', 'work/model.py', '2 files']);
    expect(dialog.getByText('Imported, and not installed there: lightning')).toBeTruthy();
  });

  it('names a finding with its severity and leads to its cell', async () => {
    const opened = await openPreview({ findings: [finding()] });
    const opener = jest.fn();
    opened.commands.addCommand('docmanager:open', { describedBy: { args: null }, execute: opener });

    expect(opened.dialog.getByText('Warning')).toBeTruthy();
    expect(opened.dialog.getByText('cell 3, line 5')).toBeTruthy();
    await act(async () => opened.dialog.getByRole('button', { name: 'Go to cell' }).click());
    expect(await opened.answer).toBeNull();
    expect(opener).toHaveBeenCalled();
  });

  it('holds back what an error stands in the way of', async () => {
    const opened = await openPreview({ findings: [finding({ severity: 'error' })], can_submit: false });

    expect(submitButton(opened).getAttribute('aria-disabled')).toBe('true');
    expect(opened.dialog.getByText(/Something stands in the way/)).toBeTruthy();
  });

  it('sends secrets only with leave', async () => {
    const opened = await openDialog({
      arrange: ({ client }) =>
        client.preview.mockImplementation(async request =>
          makePreview({
            findings: [finding({ rule: 'secret', severity: 'error' })],
            can_submit: request.allow_secrets === true
          })
        )
    });
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));
    const leave = await opened.dialog.findByRole('checkbox', { name: /Send what looks like secrets/ });
    expect(submitButton(opened).getAttribute('aria-disabled')).toBe('true');
    fireEvent.click(leave);
    await ready(opened);
    await act(async () => submitButton(opened).click());
    await opened.answer;

    expect(opened.windlass.client.submit.mock.calls[0]?.[0].allow_secrets).toBe(true);
  });

  it('is asked for again when something changes, once for a flurry of keys', async () => {
    const opened = await openDialog();
    await ready(opened);
    const before = opened.windlass.client.preview.mock.calls.length;
    for (const text of ['2', '24', '248']) {
      type(opened, 'Workers', text);
    }
    await waitFor(() => expect(opened.windlass.client.preview.mock.calls.length).toBe(before + 1));

    expect(opened.windlass.client.preview.mock.lastCall?.[0].workers).toBe(248);
  });

  it('that fails is said, and can be asked for again', async () => {
    const opened = await openDialog({
      arrange: ({ client }) => client.preview.mockRejectedValueOnce(failure('offline'))
    });
    const retry = await opened.dialog.findByRole('button', { name: 'Try again' });
    expect(submitButton(opened).getAttribute('aria-disabled')).toBe('true');
    fireEvent.click(retry);

    await ready(opened);
  });
});
