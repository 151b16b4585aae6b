/** The names of lines where they end: the legend of a chart with few lines. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IStyledLine } from './drawing';
import { spread } from './styles';
import { Swatch } from './swatch';

interface ILabelsProps {
  readonly lines: readonly IStyledLine[];
  /** How far below the chart's top each line ends, in CSS pixels; null: it cannot be seen. */
  readonly ends: readonly (number | null)[];
  /** The chart's, in CSS pixels. */
  readonly height: number;
  readonly highlighted: string | null;
  readonly onHighlight: (key: string | null) => void;
  readonly nameOf: (line: IStyledLine) => string;
  readonly trans: TranslationBundle;
}

const GAP = 20;

/** Below the last label, in CSS pixels. */
const MARGIN = 10;

/** One name for each line that can be seen. */
export function Labels(props: ILabelsProps): React.JSX.Element {
  const { lines, ends, height, highlighted, onHighlight, nameOf, trans } = props;
  const seen = lines.flatMap((line, at) => {
    const end = ends[at] ?? null;
    return end === null ? [] : [{ line, end }];
  });
  const tops = spread(
    seen.map(({ end }) => end - GAP / 2),
    GAP,
    height - MARGIN
  );
  return (
    <ul className="jp-WindlassChart-labels" aria-label={trans.__('Lines')}>
      {seen.map(({ line }, at) => (
        <li key={line.key} style={{ insetBlockStart: tops[at] }}>
          <button
            type="button"
            title={nameOf(line)}
            aria-pressed={highlighted === line.key}
            onClick={() => onHighlight(highlighted === line.key ? null : line.key)}
          >
            <Swatch style={line.style} />
            <span>{nameOf(line)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
