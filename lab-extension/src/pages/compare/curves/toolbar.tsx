/** What is drawn and how: metrics, axis, scale, smoothing, and which part of the axis. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ICompareView, XAxis } from '../view';
import { AXES, MOST_SMOOTHING } from '../view';
import { axisName } from './compose';
import type { Range } from './lines';
import { MetricPicker } from './metricPicker';

interface IToolbarProps extends IZoomProps {
  /** The metrics there are. */
  readonly keys: readonly string[];
  readonly chosen: readonly string[];
  readonly value: ICompareView;
  readonly onChange: (change: Partial<ICompareView>) => void;
  readonly isTable: boolean;
  readonly onTable: (isTable: boolean) => void;
}

/** The controls. */
export function Toolbar(props: IToolbarProps): React.JSX.Element {
  const { keys, chosen, value, onChange, isTable, onTable, trans } = props;
  return (
    <div className="jp-WindlassCompare-controls">
      <MetricPicker keys={keys} chosen={chosen} onChoose={metrics => onChange({ metrics })} trans={trans} />
      <label className="jp-WindlassCompare-control">
        <span>{trans.__('Over')}</span>
        <select
          className="jp-WindlassSelect"
          value={value.axis}
          onChange={event => onChange({ axis: event.target.value as XAxis })}
        >
          {AXES.map(axis => (
            <option key={axis} value={axis}>
              {axisName(axis, trans)}
            </option>
          ))}
        </select>
      </label>
      <Smoothing value={value.smoothing} onChange={smoothing => onChange({ smoothing })} trans={trans} />
      <Toggle isOn={value.isLog} onToggle={isLog => onChange({ isLog })} label={trans.__('Log scale')} />
      {chosen.length > 1 && (
        <Toggle
          isOn={value.isSplit}
          onToggle={isSplit => onChange({ isSplit })}
          label={trans.__('A chart each')}
        />
      )}
      <Toggle isOn={isTable} onToggle={onTable} label={trans.__('Table')} />
      <Zoom {...props} />
    </div>
  );
}

interface IToggleProps {
  readonly isOn: boolean;
  readonly onToggle: (isOn: boolean) => void;
  readonly label: string;
}

/** A button that stays pressed. */
export function Toggle({ isOn, onToggle, label }: IToggleProps): React.JSX.Element {
  return (
    <button type="button" className="jp-WindlassToggle" aria-pressed={isOn} onClick={() => onToggle(!isOn)}>
      {label}
    </button>
  );
}

interface ISmoothingProps {
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly trans: TranslationBundle;
}

function Smoothing({ value, onChange, trans }: ISmoothingProps): React.JSX.Element {
  return (
    <label
      className="jp-WindlassCompare-control"
      title={trans.__('Weight of the past in an exponential moving average, as in TensorBoard')}
    >
      <span>{trans.__('Smoothing')}</span>
      <input
        type="range"
        min={0}
        max={MOST_SMOOTHING}
        step={0.01}
        value={value}
        onChange={event => onChange(Number(event.target.value))}
      />
      <output>{value.toFixed(2)}</output>
    </label>
  );
}

interface IZoomProps {
  /** The part in view; null: all. */
  readonly range: Range | null;
  /** What is drawn now; null: nothing. */
  readonly extent: Range | null;
  readonly onZoom: (range: Range | null) => void;
  readonly trans: TranslationBundle;
}

/** What dragging over a chart does, for the keyboard. */
export function Zoom({ range, extent, onZoom, trans }: IZoomProps): React.JSX.Element {
  const to = (from: number, until: number) => (): void => {
    if (extent) {
      const width = extent[1] - extent[0];
      onZoom([extent[0] + from * width, extent[0] + until * width]);
    }
  };
  const buttons = [
    { sign: '+', label: trans.__('Zoom in'), act: to(0.25, 0.75), isFree: extent !== null },
    { sign: '−', label: trans.__('Zoom out'), act: to(-0.5, 1.5), isFree: range !== null },
    { sign: '←', label: trans.__('Earlier'), act: to(-0.5, 0.5), isFree: range !== null },
    { sign: '→', label: trans.__('Later'), act: to(0.5, 1.5), isFree: range !== null }
  ];
  return (
    <div className="jp-WindlassCompare-zoom" role="group" aria-label={trans.__('Part in view')}>
      {buttons.map(({ sign, label, act, isFree }) => (
        <button
          key={sign}
          type="button"
          className="jp-WindlassIconButton"
          aria-label={label}
          title={label}
          disabled={!isFree}
          onClick={act}
        >
          {sign}
        </button>
      ))}
      <button
        type="button"
        className="jp-WindlassToggle"
        disabled={range === null}
        onClick={() => onZoom(null)}
      >
        {trans.__('Show all')}
      </button>
    </div>
  );
}
