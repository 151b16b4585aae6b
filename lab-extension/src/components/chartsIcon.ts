/** The icon of charts: JupyterLab has none. */
import { LabIcon } from '@jupyterlab/ui-components';
import chartsSvg from '../../style/icons/charts.svg';

/** A line between two axes. */
export const chartsIcon = new LabIcon({ name: '@windlass/lab-extension:charts', svgstr: chartsSvg });
