/**
 * The DOM of one row of a log: gutters, and its text cut into styled and highlighted stretches.
 *
 * Text only ever becomes text nodes.
 */
import type { IStyledSpan } from './line';

/** What stands before the text of a row. */
export interface IGutters {
  /** null: not shown. */
  readonly rank: string | null;
  readonly rankTitle: string;
  readonly time: string | null;
  readonly timeTitle: string;
}

/** What to show in a row. */
export interface IRowContent extends IGutters {
  readonly text: string;
  /** Where in its line the row begins and ends. */
  readonly start: number;
  readonly end: number;
  readonly spans: readonly IStyledSpan[];
  /** Hits of the search in the line. */
  readonly hits: readonly (readonly [start: number, end: number])[];
  /** Start of the hit one stands on, when it is in this line. */
  readonly currentHit: number | null;
}

/** Make the element of a row. */
export function createRow(content: IRowContent): HTMLElement {
  const row = document.createElement('div');
  row.className = 'jp-WindlassLog-row';
  if (content.time !== null) {
    row.append(gutter('time', content.time, content.timeTitle));
  }
  if (content.rank !== null) {
    row.append(gutter('rank', content.rank, content.rankTitle));
  }
  const text = document.createElement('span');
  text.className = 'jp-WindlassLog-text';
  text.append(...stretches(content));
  row.append(text);
  return row;
}

function gutter(kind: 'time' | 'rank', text: string, title: string): HTMLElement {
  const element = document.createElement('span');
  element.className = `jp-WindlassLog-gutter jp-WindlassLog-${kind}`;
  element.title = title;
  element.textContent = text;
  return element;
}

/** The text of a row as nodes, cut wherever a style or a hit begins or ends. */
function stretches(content: IRowContent): Node[] {
  const { text, start, end, spans, hits, currentHit } = content;
  if (spans.length === 0 && hits.length === 0) {
    return [document.createTextNode(text.slice(start, end))];
  }
  const cuts = new Set([start, end]);
  for (const at of [...spans.flatMap(span => [span.start, span.end]), ...hits.flat()]) {
    if (at > start && at < end) {
      cuts.add(at);
    }
  }
  const places = [...cuts].sort((a, b) => a - b);
  return places.slice(0, -1).map((from, index) => {
    const style = spans.find(span => span.start <= from && from < span.end)?.style ?? '';
    const hit = hits.find(([first, last]) => first <= from && from < last);
    return stretch(text.slice(from, places[index + 1]), style, hit ? hit[0] === currentHit : null);
  });
}

function stretch(text: string, style: string, isCurrentHit: boolean | null): Node {
  if (!style && isCurrentHit === null) {
    return document.createTextNode(text);
  }
  const element = document.createElement(isCurrentHit === null ? 'span' : 'mark');
  element.className = style;
  element.classList.toggle('jp-mod-current', isCurrentHit === true);
  element.textContent = text;
  return element;
}

/** Time of day with milliseconds, in the reader's time zone. */
export function timeOfDay(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) {
    return '';
  }
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => pad(part, 2)).join(':');
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}
