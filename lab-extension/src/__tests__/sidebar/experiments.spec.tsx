import { CommandRegistry } from '@lumino/commands';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import React from 'react';
import type { ExperimentsClient } from '../../api/experiments';
import type { Run } from '../../api/types';
import { CommandIDs } from '../../commands';
import { RunFilterModel } from '../../model/runFilter';
import { ExperimentsModel } from '../../model/experiments';
import { RunsModel } from '../../model/runs';
import { ExperimentsBody } from '../../sidebar/experiments/body';
import { cellOf, formatCost } from '../../sidebar/experiments/describe';
import { FilterField } from '../../sidebar/experiments/filterField';
import type { IFakeTracked } from '../experiments';
import { fakeTracked, makePage, makeRun } from '../experiments';
import { fakeWindlass } from '../fakes';

describe('the Experiments section', () => {
  let tracked: IFakeTracked;
  let runs: RunsModel;
  let executed: [string, unknown][];

  const show = async (items: Run[], ids: string[] = [CommandIDs.openRun, CommandIDs.compareRuns]) => {
    tracked = fakeTracked(items);
    executed = [];
    const windlass = fakeWindlass();
    const commands = new CommandRegistry();
    for (const id of ids) {
      commands.addCommand(id, {
        label: id,
        describedBy: { args: null },
        execute: args => void executed.push([id, args])
      });
    }
    const experiments = new ExperimentsModel({ tracked });
    runs = new RunsModel({ experimentId: '1', settings: windlass.settings, tracked });
    await experiments.start();
    render(<ExperimentsBody {...{ commands, experiments, runs, tracked, windlass }} />);
    act(() => runs.setSeen(true));
    await waitFor(() => expect(runs.status).toBe('ready'));
    await screen.findByText(items.length > 0 ? /^[\d,]+ runs$/ : 'No runs yet.');
  };
  const rows = () => screen.getAllByRole('row');
  const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });

  afterEach(() => {
    cleanup();
    runs.dispose();
  });

  it('shows each run with its state and its values, and says nothing of what is unknown', async () => {
    await show([makeRun('a', { name: 'best', values: [0.91, null] })]);
    const row = rows()[0]?.textContent;
    expect(row).toContain('best');
    expect(row).toContain('Finished');
    expect(row).toContain('accuracy 0.91');
    expect(row).not.toContain('lr');
  });

  it('takes names and values as text', async () => {
    await show([
      makeRun('a', { name: '<img src=x onerror=alert(1)>', values: [null, '<script>1</script>'] })
    ]);
    expect(document.querySelector('img, script')).toBeNull();
    expect(rows()[0]?.textContent).toContain('<script>1</script>');
  });

  it('has only the rows in sight in the document, of 10,000', async () => {
    await show(Array.from({ length: 10_000 }, (_, at) => makeRun(`r${at}`)));
    expect(rows().length).toBeLessThan(60);
    expect(screen.getByRole('treegrid').getAttribute('aria-rowcount')).toBe('10000');
    act(() => rows()[0]?.focus());
    act(() => void press('End'));
    expect(document.activeElement?.getAttribute('aria-rowindex')).toBe('10000');
  });

  it('is used by keys: move, choose, open', async () => {
    await show([makeRun('a'), makeRun('b')]);
    act(() => rows()[0]?.focus());
    act(() => void press('ArrowDown'));
    act(() => void press(' '));
    expect(tracked.selection.ids).toEqual(['b']);
    act(() => void press('Enter'));
    expect(executed).toEqual([[CommandIDs.openRun, { id: 'b' }]]);
  });

  it('compares the chosen runs in the order they were chosen', async () => {
    await show([makeRun('a'), makeRun('b')]);
    fireEvent.click(screen.getByRole('checkbox', { name: /run b/ }));
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Compare' }).disabled).toBe(true);
    fireEvent.click(screen.getByRole('checkbox', { name: /run a/ }));
    fireEvent.click(screen.getByRole('button', { name: 'Compare (2)' }));
    expect(executed).toEqual([[CommandIDs.compareRuns, { ids: ['b', 'a'] }]]);
  });

  it('cannot compare where nothing compares', async () => {
    await show([makeRun('a'), makeRun('b')], []);
    act(() => tracked.selection.set(['a', 'b'], true));
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Compare (2)' }).disabled).toBe(true);
  });

  it('says what to do when there are no runs', async () => {
    await show([]);
    expect(screen.getByText('No runs yet.')).toBeTruthy();
    tracked.client.search.mockResolvedValue(makePage([]));
    await act(async () => runs.setFilter('metrics.accuracy > 2'));
    await screen.findByText('No run matches the filter.');
  });
});

describe('the filter', () => {
  const open = (checkFilter: ExperimentsClient['checkFilter']) => {
    const applied: string[] = [];
    const onApply = (text: string) => void applied.push(text);
    const model = new RunFilterModel({ client: { checkFilter }, experimentIds: ['1'], onApply });
    const { trans } = fakeWindlass();
    render(<FilterField model={model} refused={null} trans={trans} />);
    return { applied, model, field: screen.getByRole<HTMLInputElement>('combobox') };
  };
  const type = (field: HTMLInputElement, value: string) => fireEvent.change(field, { target: { value } });

  afterEach(cleanup);

  it('underlines a mistake where it is, and does not apply it', async () => {
    const problem = { start: 10, end: 12, message: 'No such comparison.' };
    const { applied, field } = open(async () => ({ problem, completions: [] }));
    type(field, 'metrics.a >> 1');
    fireEvent.keyDown(field, { key: 'Enter' });
    expect((await screen.findByRole('alert')).textContent).toBe('No such comparison.');
    expect(document.querySelector('mark')?.textContent).toBe('>>');
    expect(field.getAttribute('aria-invalid')).toBe('true');
    expect(applied).toEqual([]);
  });

  it('applies what is right', async () => {
    const { applied, field } = open(async () => ({ problem: null, completions: [] }));
    type(field, ' metrics.a > 1 ');
    fireEvent.keyDown(field, { key: 'Enter' });
    await waitFor(() => expect(applied).toEqual(['metrics.a > 1']));
  });

  it('offers what can come, and takes it by keys', async () => {
    const one = { text: 'metrics.accuracy', start: 0, end: 9, label: 'metrics.accuracy', kind: 'key' };
    const { field } = open(async () => ({ problem: null, completions: [one] }));
    type(field, 'metrics.a');
    await screen.findByRole('option', { name: 'metrics.accuracy' });
    fireEvent.keyDown(field, { key: 'ArrowDown' });
    const option = screen.getByRole('option', { name: 'metrics.accuracy' });
    expect(field.getAttribute('aria-activedescendant')).toBe(option.id);
    fireEvent.keyDown(field, { key: 'Enter' });
    expect(field.value).toBe('metrics.accuracy ');
    expect(field.selectionStart).toBe(17);
  });
});

describe('values', () => {
  const { trans } = fakeWindlass();

  it('an unknown cost is no cost of zero', () => {
    const cell = (cost_usd: number | null) =>
      cellOf({ run: makeRun('a', { cost_usd }), columns: [] }, 'attributes.cost', trans).text;
    expect(cell(null)).toBe('–');
    expect(cell(0)).toBe('$0.00');
    expect(formatCost(0.0042)).toBe('$0.0042');
  });
});
