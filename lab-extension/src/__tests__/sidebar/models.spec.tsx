import { CommandRegistry } from '@lumino/commands';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import type { ModelsClient } from '../../api/models';
import { CommandIDs } from '../../commands';
import { ModelsModel, registryOf } from '../../model/registry';
import { ModelsBody } from '../../sidebar/models/body';
import type { IFakeWindlass } from '../fakes';
import { failure } from '../fakes';
import { fakeRegistry, makeModel } from '../models';

describe('the Models section', () => {
  let windlass: IFakeWindlass;
  let client: jest.Mocked<ModelsClient>;
  let model: ModelsModel;
  const opened = jest.fn();

  const show = async () => {
    const commands = new CommandRegistry();
    commands.addCommand(CommandIDs.openModel, {
      describedBy: { args: null },
      execute: args => opened(args.name) as unknown
    });
    model = new ModelsModel({ registry: registryOf(windlass) });
    render(<ModelsBody commands={commands} model={model} windlass={windlass} />);
    await act(async () => model.list.refresh());
  };
  const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });

  beforeEach(() => {
    ({ windlass, client } = fakeRegistry());
    opened.mockClear();
  });

  afterEach(() => {
    cleanup();
    jest.useRealTimers();
    model.dispose();
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });

  it('shows each model with its newest version and where its aliases are', async () => {
    await show();
    const row = screen.getByRole('row');
    expect(row.textContent).toContain('fraud');
    expect(row.textContent).toContain('v2');
    expect(screen.getByTitle('Alias champion, at version 1')).toBeTruthy();
  });

  it('is gone through with the arrow keys and opened with Enter', async () => {
    const items = ['ant', 'bee', 'cat'].map(name => makeModel({ name }));
    client.models.mockResolvedValue({ items, next_cursor: null });
    await show();
    const rows = screen.getAllByRole('row');
    act(() => rows[0]?.focus());
    press('ArrowDown');
    press('ArrowDown');
    press('ArrowDown');
    expect(document.activeElement).toBe(rows[2]);
    press('Home');
    press('ArrowDown');
    press('Enter');
    expect(opened).toHaveBeenCalledWith('bee');
    expect(rows.map(row => row.tabIndex)).toEqual([-1, 0, -1]);
  });

  it('asks for names when no more is typed, and offers all again where there is none', async () => {
    await show();
    jest.useFakeTimers();
    client.models.mockResolvedValue({ items: [], next_cursor: null });
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'zeb' } });
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'zebra' } });
    await act(async () => jest.advanceTimersByTimeAsync(300));
    expect(client.models.mock.calls.map(([query]) => query?.q)).toEqual(['', 'zebra']);
    expect(screen.getByText('No model has this in its name.')).toBeTruthy();
    client.models.mockResolvedValue({ items: [makeModel()], next_cursor: null });
    fireEvent.click(screen.getByRole('button', { name: 'Show all models' }));
    await act(async () => jest.advanceTimersByTimeAsync(300));
    expect(screen.getByText('fraud')).toBeTruthy();
  });

  it('says what to do when there is no model yet', async () => {
    client.models.mockResolvedValue({ items: [], next_cursor: null });
    await show();
    expect(screen.getByRole('status').textContent).toContain('No registered models yet. Open a run');
  });

  it('says why there is no list, and tries again', async () => {
    client.models.mockRejectedValueOnce(failure('problem', 502));
    await show();
    expect(screen.getByRole('alert').textContent).toContain('502');
    await act(async () => screen.getByRole('button', { name: 'Try again' }).click());
    expect(screen.getByText('fraud')).toBeTruthy();
  });

  it('keeps the list and says since when it is old', async () => {
    await show();
    client.models.mockRejectedValueOnce(failure('offline'));
    await act(async () => model.list.refresh());
    expect(screen.getByText('fraud')).toBeTruthy();
    expect(screen.getByRole('status').textContent).toContain('As of');
  });

  it('asks nothing while nobody sees it, and again when a model was changed', async () => {
    await show();
    client.models.mockClear();
    registryOf(windlass).notify('fraud');
    expect(client.models).not.toHaveBeenCalled();
    await act(async () => model.setSeen(true));
    await act(async () => registryOf(windlass).notify('fraud'));
    expect(client.models.mock.calls.length).toBeGreaterThan(0);
  });
});
