/** What the charts show, in numbers: mean and most of the part in view. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Range } from '../compare/curves/lines';
import type { IGpuChart } from './charts';
import { short } from './charts';
import { figuresOf } from './series';

interface ITableProps {
  readonly charts: readonly IGpuChart[];
  readonly extent: Range;
  readonly trans: TranslationBundle;
}

/** As many lines of a chart as a table has. */
const MOST_ROWS = 100;

/** The table; nothing where nothing is known. */
export function FiguresTable({ charts, extent, trans }: ITableProps): React.JSX.Element | null {
  const rows = charts.flatMap(chart =>
    chart.lines.slice(0, MOST_ROWS).map(line => ({ chart, line, figures: figuresOf(line, extent) }))
  );
  if (rows.length === 0) {
    return null;
  }
  const heads = [trans.__('Mean'), trans.__('Most')];
  return (
    <details className="jp-WindlassGpuPage-table">
      <summary>{trans.__('Figures of the part in view')}</summary>
      <table className="jp-WindlassTable">
        <caption className="jp-WindlassUnseen">{trans.__('Figures of the part in view')}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Chart')}</th>
            <th scope="col">{trans.__('Line')}</th>
            {heads.map(head => (
              <th key={head} scope="col" className="jp-mod-number">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ chart, line, figures }) => (
            <tr key={`${chart.key} ${line.key}`}>
              <td>{chart.unit ? `${chart.title} (${chart.unit})` : chart.title}</td>
              <th scope="row">{line.metric}</th>
              <td className="jp-mod-number">{figures ? short(figures.mean) : trans.__('unknown')}</td>
              <td className="jp-mod-number">{figures ? short(figures.most) : trans.__('unknown')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
