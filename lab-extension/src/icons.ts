/** Windlass' own icons; all others are JupyterLab's. */
import { LabIcon } from '@jupyterlab/ui-components';
import windlassSvg from '../style/icons/windlass.svg';

/** A windlass: drum, rope and crank. */
export const windlassIcon = new LabIcon({ name: '@windlass/lab-extension:windlass', svgstr: windlassSvg });
