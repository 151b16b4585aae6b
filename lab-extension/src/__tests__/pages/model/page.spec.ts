import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, waitFor, within } from '@testing-library/react';
import type { ModelsClient } from '../../../api/models';
import { CommandIDs } from '../../../commands';
import { ModelCommandIDs } from '../../../model/modelCommands';
import { registryOf } from '../../../model/registry';
import { ModelPage } from '../../../pages/model';
import type { IFakeWindlass } from '../../fakes';
import { failure } from '../../fakes';
import {
  fakeRegistry,
  makeComparison,
  makeDetail,
  makeModel,
  makePromotion,
  makeVersion,
  missing
} from '../../models';

describe('the page of a model', () => {
  let windlass: IFakeWindlass;
  let client: jest.Mocked<ModelsClient>;
  let page: ModelPage;
  const executed = jest.fn();

  const open = async () => {
    const commands = new CommandRegistry();
    const ids = [CommandIDs.openRun, CommandIDs.openJob, CommandIDs.openModel, 'docmanager:open'];
    for (const id of [...ids, ...Object.values(ModelCommandIDs)]) {
      commands.addCommand(id, {
        describedBy: { args: null },
        execute: args => executed(id, args) as unknown
      });
    }
    page = new ModelPage({ commands, name: 'fraud', windlass });
    await act(async () => Widget.attach(page, document.body));
    await waitFor(() => expect(see().queryByText(/^Loading/)).toBeNull());
  };
  const see = () => within(page.node);
  const text = () => page.node.textContent;
  const choose = async (role: string, name: string | RegExp) =>
    act(async () => fireEvent.click(see().getByRole(role, { name })));

  beforeEach(() => {
    ({ windlass, client } = fakeRegistry());
    executed.mockClear();
  });

  afterEach(async () => {
    await act(async () => page.dispose());
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });

  it('shows the newest version first, with what its files say', async () => {
    await open();
    expect(client.version).toHaveBeenCalledWith('fraud', '2');
    for (const part of ['Version 2', 'accuracy', '0.93', 'sklearn', '2.0 KB', 'age', 'double', 'pandas']) {
      expect(text()).toContain(part);
    }
    expect(text()).toContain('Not evaluated yet.');
  });

  it('shows another version, and opens its run', async () => {
    await open();
    const versions = within(see().getByRole('listbox', { name: 'Versions' }));
    await act(async () => fireEvent.click(versions.getByRole('option', { name: /Version 1/ })));
    expect(versions.getByRole('option', { selected: true }).textContent).toContain('champion');
    await choose('button', 'brave-fox');
    expect(executed).toHaveBeenCalledWith(CommandIDs.openRun, { id: 'run-1' });
    await choose('button', 'Promote…');
    expect(executed).toHaveBeenCalledWith(ModelCommandIDs.promote, { name: 'fraud', version: '1' });
  });

  it('lists with each version what most of them measured', async () => {
    const metric = (key: string, value: number) => ({ key, value, step: 1, at: null });
    client.model.mockResolvedValue({
      model: makeModel(),
      items: [
        makeVersion('3', { metrics: [metric('accuracy', 0.95), metric('loss', 0.2)] }),
        makeVersion('2', { metrics: ['a', 'b', 'c', 'loss'].map(key => metric(key, 0.5)) }),
        makeVersion('1', { metrics: [metric('accuracy', 0.9), metric('loss', NaN)] }),
        makeVersion('0')
      ],
      next_cursor: null
    });
    await open();
    const rows = within(see().getByRole('listbox', { name: 'Versions' })).getAllByRole('option');
    const measured = rows.map(row =>
      [...row.querySelectorAll('[title*=": "]')].map(({ textContent }) => textContent)
    );
    // Of those that as many versions have, the first by name.
    expect(measured).toEqual([
      ['loss 0.2', 'accuracy 0.95'],
      ['loss 0.5', 'a 0.5'],
      ['loss NaN', 'accuracy 0.9'],
      []
    ]);
  });

  it('has tags of the version and of the model changed in their place', async () => {
    const tags = [{ key: 'team', value: 'risk' }];
    client.version.mockImplementation(async (_, version) =>
      makeDetail(version, { version: makeVersion(version, { tags }) })
    );
    await open();
    await choose('button', 'Change tags of version 2');
    const group = within(see().getByRole('group', { name: 'Tags of version 2' }));
    await act(async () =>
      fireEvent.change(group.getByLabelText('Value of new tag'), { target: { value: 'x' } })
    );
    expect(see().getByRole('alert').textContent).toBe('A tag needs a name.');
    await act(async () =>
      fireEvent.change(group.getByLabelText('Name of the new tag'), { target: { value: 'owner' } })
    );
    await act(async () => fireEvent.click(group.getByRole('button', { name: 'Remove team' })));
    await choose('button', 'Save');
    expect(client.change).toHaveBeenCalledWith('fraud', '2', { tags: { team: null, owner: 'x' } });
    await waitFor(() => expect(see().queryByRole('group', { name: 'Tags of version 2' })).toBeNull());

    await choose('button', 'Add a tag of the model');
    await act(async () =>
      fireEvent.change(see().getByLabelText('Name of the new tag'), { target: { value: 'a' } })
    );
    client.changeModel.mockRejectedValueOnce(failure('problem', 502));
    await choose('button', 'Save');
    expect(see().getByRole('alert').textContent).not.toBe('');
    await choose('button', 'Save');
    expect(client.changeModel).toHaveBeenLastCalledWith('fraud', { tags: { a: '' } });
  });

  it('compares two versions and comes back', async () => {
    client.compare.mockResolvedValue(makeComparison({ breaking: true }));
    await open();
    await act(async () => fireEvent.change(see().getByLabelText('Compare with'), { target: { value: '1' } }));
    expect(client.compare).toHaveBeenCalledWith('fraud', '2', '1');
    expect(text()).toContain('Schema break: a caller of version 1 can fail with version 2.');
    await choose('button', 'Back to version 2');
    expect(see().queryByText(/Schema break/)).toBeNull();
  });

  it('says plainly what is unknown of a model without signature and readable files', async () => {
    const message = 'Its files cannot be read: they are in s3://elsewhere.';
    client.version.mockResolvedValue(
      makeDetail('2', { signature: null, size_bytes: null, requirements: [], message })
    );
    await open();
    expect(text()).toContain(message);
    expect(see().getByText('Size').nextElementSibling?.textContent).toBe('unknown');
  });

  it('follows the lineage with one click each, and not to what is gone', async () => {
    const node = { detail: null, at: null, cost_usd: null, gpu_hours: null, missing: false };
    client.lineage.mockResolvedValue({
      focus: 4,
      nodes: [
        { ...node, kind: 'notebook', id: 'work/train.ipynb', label: 'train.ipynb' },
        { ...node, kind: 'bundle', id: 'ab'.repeat(32), label: 'abababab' },
        { ...node, kind: 'job', id: 'job-1', label: 'train', cost_usd: 1.5 },
        { ...node, kind: 'run', id: 'run-1', label: 'old-run', missing: true },
        { ...node, kind: 'model_version', id: 'fraud/2', label: 'fraud v2' }
      ],
      edges: [
        { source: 0, target: 1 },
        { source: 1, target: 2 },
        { source: 2, target: 3 },
        { source: 3, target: 4 }
      ],
      cost_usd: 1.5,
      gpu_hours: null,
      truncated: false
    });
    await open();
    const strip = within(see().getByRole('list', { name: 'Lineage' }));
    for (const name of ['train.ipynb', 'abababab', 'train']) {
      await act(async () => strip.getByRole('button', { name }).click());
    }
    expect(executed.mock.calls).toEqual([
      ['docmanager:open', { path: 'work/train.ipynb' }],
      [CommandIDs.openJob, { id: 'job-1' }],
      [CommandIDs.openJob, { id: 'job-1' }]
    ]);
    expect(strip.queryByRole('button', { name: 'old-run' })).toBeNull();
    expect(text()).toContain('Cost along the chain: $1.50. GPU hours: unknown.');
  });

  it('lists who promoted what, tells how many wait, and offers an answer only to who may give it', async () => {
    const waiting = makePromotion({ id: '8', state: 'waiting', ended_at: null, needs: '1 of ml-leads' });
    const items = [
      { ...waiting, may_approve: true },
      { ...waiting, id: '9', alias: 'challenger', may_withdraw: true },
      makePromotion({
        id: '6',
        to_version: '',
        by: '(outside Windlass)',
        message: 'It was removed past Windlass.'
      })
    ];
    client.promotions.mockResolvedValue({ items, next_cursor: null });
    await open();
    await choose('tab', 'Promotions (2 wait)');
    const entries = see().getAllByRole('listitem');
    const inEntry = (index: number) => within(entries[index] ?? page.node);
    expect(entries[0]?.textContent).toContain('It needs the approval of 1 of ml-leads.');
    expect(inEntry(0).getByRole('button', { name: 'Approve… champion' })).toBeTruthy();
    expect(inEntry(1).queryByRole('button', { name: /Approve/ })).toBeNull();
    expect(inEntry(1).getByRole('button', { name: 'Withdraw… challenger' })).toBeTruthy();
    expect(entries[2]?.textContent).toContain('version 1 → none');
    expect(entries[2]?.textContent).toContain('(outside Windlass)');
  });

  it('reads everything again when the model was changed here, and keeps what it shows until then', async () => {
    await open();
    client.model.mockResolvedValue({
      model: makeModel({ aliases: { champion: '2' } }),
      items: [makeVersion('2', { aliases: ['champion'] }), makeVersion('1')],
      next_cursor: null
    });
    await act(async () => registryOf(windlass).notify('fraud'));
    await waitFor(() => expect(see().getByTitle('Alias champion, at version 2')).toBeTruthy());
    expect(client.version).toHaveBeenCalledTimes(2);
  });

  it('changes a description, and says why it could not', async () => {
    await open();
    client.change.mockRejectedValueOnce(failure('problem', 502));
    await choose('button', 'Add a description of version 2');
    const field = see().getByRole('textbox', { name: 'Description of version 2' });
    await act(async () => fireEvent.change(field, { target: { value: ' the one with weather ' } }));
    await choose('button', 'Save');
    expect(see().getByRole('alert').textContent).toContain('502');
    await choose('button', 'Save');
    expect(client.change).toHaveBeenLastCalledWith('fraud', '2', { description: 'the one with weather' });
    expect(see().queryByRole('textbox')).toBeNull();
  });

  it('says that there is no such model, and why a model cannot be read', async () => {
    client.model.mockRejectedValue(missing());
    await open();
    expect(text()).toContain('There is no such model.');
    client.model.mockRejectedValue(failure('forbidden', 403));
    await choose('button', 'Try again');
    expect(text()).toContain('You are not allowed to do this');
  });

  it('executes nothing that stands in a name', async () => {
    const bait = '<img src=x onerror="window.bitten=1">';
    client.model.mockResolvedValue({
      model: makeModel({ description: bait, aliases: {}, url: 'javascript:window.bitten=1' }),
      items: [makeVersion('2', { run_name: bait, description: bait, url: 'javascript:window.bitten=1' })],
      next_cursor: null
    });
    client.version.mockResolvedValue(
      makeDetail('2', { version: makeVersion('2', { description: bait, run_name: bait }), flavors: [bait] })
    );
    await open();
    expect(text()).toContain(bait);
    expect(page.node.querySelectorAll('img, a')).toHaveLength(0);
  });
});
