import { act, cleanup, render, screen } from '@testing-library/react';
import React from 'react';
import { WindlassError } from '../../api/errors';
import type { ModelsClient } from '../../api/models';
import { PromoteFields } from '../../dialogs/promote/fields';
import { OTHER, PromoteForm } from '../../dialogs/promote/form';
import type { IFakeWindlass } from '../fakes';
import { failure, makeProblem } from '../fakes';
import { fakeRegistry, makeComparison, makeModel, makePromotion, makeTerms, makeVersion } from '../models';

describe('the dialog that promotes a version', () => {
  let windlass: IFakeWindlass;
  let client: jest.Mocked<ModelsClient>;
  let form: PromoteForm;

  const show = async () => {
    form = new PromoteForm({ windlass, name: 'fraud', version: '2' });
    const view = render(<PromoteFields form={form} />);
    form.changed.connect(() => view.rerender(<PromoteFields form={form} />));
    await act(async () => {
      await form.load();
      await form.loadEvaluation();
    });
  };
  const text = () => document.body.textContent;
  const conflict = (detail: string) =>
    new WindlassError({ kind: 'problem', status: 409, message: '', problem: makeProblem({ detail }) });

  beforeEach(() => {
    ({ windlass, client } = fakeRegistry());
  });

  afterEach(() => {
    cleanup();
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });

  it('says where the alias is, that nobody needs to approve, and where the log is', async () => {
    await show();
    expect(text()).toContain('champion is at version 1 now. It goes to version 2.');
    expect(text()).toContain('No approval is needed: champion moves at once.');
    expect(text()).toContain('The hub keeps the log.');
  });

  it('says whose approval is needed, and what MLflow does not enforce, in the server’s words', async () => {
    const rule = {
      alias: 'Champion',
      stage: null,
      groups: ['ml-leads', 'risk'],
      approvals: 2,
      enforced: false
    };
    const message = 'champion is protected only as long as everyone goes through Windlass.';
    client.terms.mockResolvedValue(makeTerms({ rules: [rule], message }));
    await show();
    expect(text()).toContain('2 different members of ml-leads or risk must approve before champion moves.');
    expect(text()).toContain(message);
    await act(async () => form.choose('alias:challenger'));
    expect(text()).toContain('No approval is needed: challenger moves at once.');
  });

  it('marks what breaks for callers of the version that is there', async () => {
    const change = {
      part: 'inputs',
      name: 'country',
      change: 'added',
      before: null,
      after: 'string',
      breaking: true
    };
    client.compare.mockResolvedValue(makeComparison({ breaking: true, schema_changes: [change] }));
    await show();
    expect(client.compare).toHaveBeenCalledWith('fraud', '2', '1');
    expect(text()).toContain('Schema break: a caller of version 1 can fail with version 2.');
    expect(screen.getByRole('row', { name: /country/ }).textContent).toContain('breaks');
  });

  it('does not take a missing signature for a harmless one', async () => {
    const comparison = makeComparison({ breaking: null });
    comparison.after.signature = null;
    client.compare.mockResolvedValue(comparison);
    await show();
    expect(text()).toContain('is not known: version 2 has no signature');
  });

  it('shows both on one validation set where that was done, and else says how to', async () => {
    await show();
    expect(text()).toContain('Both were not evaluated on one validation set yet');
    client.evaluation.mockResolvedValue({
      job_id: 'j',
      done: true,
      message: null,
      version: '2',
      against: '1',
      metrics: [{ key: 'f1_score', values: [0.8, 0.9], differs: true }],
      extra: {}
    });
    await act(async () => form.loadEvaluation());
    expect(screen.getByRole('row', { name: /f1_score/ }).textContent).toContain('+0.1');
  });

  it('sends what was seen, so that a promotion in between is noticed', async () => {
    await show();
    form.setComment(' on fresh data ');
    expect((await form.send())?.state).toBe('done');
    const [name, body] = client.promote.mock.calls[0] ?? [];
    expect([name, body]).toEqual([
      'fraud',
      { version: '2', alias: 'champion', stage: null, expected: '1', comment: 'on fresh data' }
    ]);
  });

  it('sends that an alias was at no version as that, not as anything', async () => {
    await show();
    form.choose('alias:challenger');
    await form.send();
    expect(client.promote.mock.calls[0]?.[1].expected).toBe('');
  });

  it('tells a conflict with who was quicker, and the next try is about what is there now', async () => {
    await show();
    client.promote.mockRejectedValueOnce(conflict('champion is at version 3 by now, not at version 1.'));
    client.model.mockResolvedValue({
      model: makeModel({ aliases: { champion: '3' } }),
      items: [makeVersion('3'), makeVersion('2'), makeVersion('1')],
      next_cursor: null
    });
    const quick = makePromotion({ by: 'grace', to_version: '3', comment: 'hotfix' });
    client.promotions.mockResolvedValue({ items: [quick], next_cursor: null });
    await act(async () => form.send());
    expect(form.problem).toBe('champion is at version 3 by now, not at version 1.');
    expect(text()).toContain('grace moved it');
    expect(text()).toContain('hotfix');
    expect(text()).toContain('champion is at version 3 now. It goes to version 2.');
    await act(async () => form.send());
    expect(client.promote.mock.calls[1]?.[1].expected).toBe('3');
  });

  it('asks again under the same key when no answer came, and never twice at once', async () => {
    await show();
    client.promote.mockRejectedValueOnce(failure('offline'));
    const [first, second] = await act(async () => Promise.all([form.send(), form.send()]));
    expect([first?.state, second]).toEqual(['done', null]);
    const keys = client.promote.mock.calls.map(([, , key]) => key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('stays open with the reason when it was not done', async () => {
    client.promote.mockResolvedValue(makePromotion({ state: 'failed', message: 'MLflow refused it.' }));
    await show();
    expect(await form.send()).toBeNull();
    expect(form.problem).toBe('MLflow refused it.');
  });

  it('offers another alias only where that may be typed, and says what is missing', async () => {
    await show();
    expect(screen.getByRole('option', { name: 'Another alias…' })).toBeTruthy();
    await act(async () => form.choose(OTHER));
    expect(form.obstacle).toBe('Choose what to promote it to.');
    await act(async () => form.setOther('shadow'));
    expect(form.obstacle).toBeNull();
    cleanup();
    client.terms.mockResolvedValue(makeTerms({ free: false }));
    await show();
    expect(screen.queryByRole('option', { name: 'Another alias…' })).toBeNull();
  });

  it('knows the version that is in a stage, and that many may be in Archived', async () => {
    client.terms.mockResolvedValue(makeTerms({ stages: ['None', 'Staging', 'Production', 'Archived'] }));
    client.model.mockResolvedValue({
      model: makeModel({ aliases: {} }),
      items: [makeVersion('2', { stage: 'None' }), makeVersion('1', { stage: 'Production' })],
      next_cursor: null
    });
    await show();
    form.choose('stage:Production');
    expect(form.present).toBe('1');
    form.choose('stage:Archived');
    await form.send();
    expect(client.promote.mock.calls[0]?.[1]).toMatchObject({
      alias: null,
      stage: 'Archived',
      expected: null
    });
  });

  it('is not sent where the version is there already', async () => {
    client.model.mockResolvedValue({
      model: makeModel({ aliases: { champion: '2' } }),
      items: [makeVersion('2')],
      next_cursor: null
    });
    await show();
    expect(form.obstacle).toBe('champion is at version 2 already.');
    expect(await form.send()).toBeNull();
    expect(client.promote).not.toHaveBeenCalled();
  });

  it('says why the terms could not be read, and reads them again', async () => {
    client.terms.mockRejectedValueOnce(failure('problem', 503));
    await show();
    expect(screen.getByRole('alert').textContent).toContain('503');
    await act(async () => screen.getByRole('button', { name: 'Try again' }).click());
    expect(form.obstacle).toBeNull();
  });
});
