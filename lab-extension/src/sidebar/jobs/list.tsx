/**
 * The list of jobs: which rows there are, which one has the focus, and what keys do.
 *
 * One row is in the tab order; arrows move among rows, and into a row's buttons and back.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useRef, useState } from 'react';
import type { Job } from '../../api/types';
import { isFinal } from '../../api/types';
import { CommandIDs } from '../../commands';
import { formatUsd } from '../../components/money';
import { costNow } from '../../model/costs';
import type { IWindlass } from '../../tokens';
import { JobRow } from './row';
import { useTick } from './useTick';

/** So many rows are made at first, and more by each press of the button: a screen shows some thirty. */
const BATCH_ROWS = 100;

/** Rows of jobs, newest first. */
export function JobsList(props: JobsList.IProps): React.JSX.Element {
  const { commands, jobs, windlass } = props;
  const { jobs: model, trans } = windlass;
  const [limit, setLimit] = useState(BATCH_ROWS);
  const [active, setActive] = useState<IActive>({ id: null, index: 0 });
  const list = useRef<HTMLDivElement>(null);
  useTick(jobs.some(job => !isFinal(job.state)));

  const shown = jobs.slice(0, limit);
  const found = shown.findIndex(job => job.id === active.id);
  const current = found >= 0 ? found : Math.min(active.index, shown.length - 1);

  const focusRow = (index: number): void => {
    const clamped = Math.max(0, Math.min(shown.length - 1, index));
    setActive({ id: shown[clamped]?.id ?? null, index: clamped });
    rowAt(list.current, clamped)?.focus();
  };
  useFocusAfterRemoval(list, active.id !== null && found < 0, current);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const job = shown[current];
    const row = rowAt(list.current, current);
    if (job && row && handleKey({ commands, current, event, focusRow, job, last: shown.length - 1, row })) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  return (
    <>
      <div
        ref={list}
        className="jp-WindlassJobs-list"
        role="grid"
        aria-label={trans.__('Jobs')}
        aria-rowcount={jobs.length}
        onKeyDown={onKeyDown}
      >
        {shown.map((job, index) => (
          <JobRow
            key={job.id}
            job={job}
            commands={commands}
            cost={costText(job, model.elapsedSeconds(job))}
            elapsed={wholeSeconds(model.elapsedSeconds(job))}
            index={index}
            isActive={index === current}
            trans={trans}
            onFocus={setActive}
          />
        ))}
      </div>
      {jobs.length > limit && (
        <button
          className="jp-WindlassButton jp-WindlassJobs-more"
          type="button"
          onClick={() => setLimit(limit + BATCH_ROWS)}
        >
          {trans.__('Show more: %1 of %2 are shown', shown.length, jobs.length)}
        </button>
      )}
    </>
  );
}

/** A namespace for `JobsList` statics. */
export namespace JobsList {
  /** The properties of `JobsList`. */
  export interface IProps {
    commands: CommandRegistry;
    jobs: readonly Job[];
    windlass: IWindlass;
  }
}

/** The row in the tab order, and where it was, for when it is gone. */
export interface IActive {
  id: string | null;
  index: number;
}

/** When the row with the focus goes, its neighbour has it. */
function useFocusAfterRemoval(list: React.RefObject<HTMLElement>, isGone: boolean, neighbour: number): void {
  useEffect(() => {
    if (isGone && document.activeElement === document.body) {
      rowAt(list.current, neighbour)?.focus();
    }
  }, [list, isGone, neighbour]);
}

interface IKeyContext {
  commands: CommandRegistry;
  current: number;
  event: React.KeyboardEvent;
  focusRow: (index: number) => void;
  job: Job;
  last: number;
  row: HTMLElement;
}

/** Do what a key means here; returns whether it means anything. */
function handleKey(context: IKeyContext): boolean {
  const { commands, current, event, focusRow, job, last, row } = context;
  const isOnButton = event.target !== row;
  switch (event.key) {
    case 'ArrowDown':
      focusRow(current + 1);
      return true;
    case 'ArrowUp':
      focusRow(current - 1);
      return true;
    case 'Home':
      focusRow(0);
      return true;
    case 'End':
      focusRow(last);
      return true;
    case 'ArrowRight':
      moveInRow(row, 1);
      return true;
    case 'ArrowLeft':
      moveInRow(row, -1);
      return true;
    case 'Enter':
      if (!isOnButton) {
        void commands.execute(CommandIDs.openJob, { id: job.id });
      }
      return !isOnButton;
    case 'Delete':
      void commands.execute(isFinal(job.state) ? CommandIDs.deleteJob : CommandIDs.stopJob, { id: job.id });
      return true;
    default:
      return false;
  }
}

/** From the row to its buttons, from one to the next, and back to the row. */
function moveInRow(row: HTMLElement, step: 1 | -1): void {
  const stops = [row, ...row.querySelectorAll<HTMLElement>('button')];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[Math.max(0, Math.min(stops.length - 1, at + step))]?.focus();
}

function rowAt(list: HTMLElement | null, index: number): HTMLElement | null {
  return (list?.children[index] ?? null) as HTMLElement | null;
}

/** What a job costs by now; null: not known, or nothing was held yet. */
function costText(job: Job, elapsed: number | null): string | null {
  const usd = costNow(job, elapsed);
  return usd === null || usd === 0 ? null : formatUsd(usd);
}

function wholeSeconds(seconds: number | null): number | null {
  return seconds === null ? null : Math.floor(seconds);
}
