/** A chart with what draws it, which is fetched when the first one is shown; for `Lazily`. */
import * as React from 'react';
import { Chart } from './chart';

type ChartProps = React.ComponentProps<typeof Chart>;

/** The component, once what draws is there. */
export async function loadChart(): Promise<React.ComponentType<Omit<ChartProps, 'make'>>> {
  const { LinePlot } = await import('./plot');
  const make: ChartProps['make'] = (host, listener) => new LinePlot(host, listener);
  return function DrawnChart(props) {
    return <Chart {...props} make={make} />;
  };
}
