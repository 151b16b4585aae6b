/** Which metrics are in view, of perhaps ten thousand. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { MOST_METRICS } from '../view';

interface IMetricPickerProps {
  /** The metrics there are. */
  readonly keys: readonly string[];
  readonly chosen: readonly string[];
  readonly onChoose: (metrics: readonly string[]) => void;
  readonly trans: TranslationBundle;
}

/** As many as are listed at once. */
const MOST_LISTED = 100;

/** A button that unfolds a list with a filter. */
export function MetricPicker(props: IMetricPickerProps): React.JSX.Element {
  const { chosen, trans } = props;
  const [isOpen, setOpen] = React.useState(false);
  const box = React.useRef<HTMLDivElement>(null);
  const onBlur = (event: React.FocusEvent): void => {
    if (!box.current?.contains(event.relatedTarget)) {
      setOpen(false);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Escape' && isOpen) {
      event.stopPropagation();
      setOpen(false);
      box.current?.querySelector('button')?.focus();
    }
  };
  return (
    <div className="jp-WindlassMetricPicker" ref={box} onBlur={onBlur} onKeyDown={onKeyDown}>
      <button
        type="button"
        className="jp-WindlassButton"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {trans.__('Metrics (%1)', chosen.length)}
      </button>
      {isOpen && <Choices {...props} />}
    </div>
  );
}

function Choices({ keys, chosen, onChoose, trans }: IMetricPickerProps): React.JSX.Element {
  const [text, setText] = React.useState('');
  const wanted = text.trim().toLocaleLowerCase();
  const matching = keys.filter(key => key.toLocaleLowerCase().includes(wanted));
  // Those chosen come first, so that they are in sight among thousands.
  const listed = [...new Set([...(wanted ? [] : chosen), ...matching])].slice(0, MOST_LISTED);
  const isFull = chosen.length >= MOST_METRICS;
  const toggle = (key: string): void => {
    onChoose(chosen.includes(key) ? chosen.filter(other => other !== key) : [...chosen, key]);
  };
  return (
    <div className="jp-WindlassMetricPicker-choices" tabIndex={-1}>
      <input
        className="jp-WindlassInput"
        type="search"
        autoFocus
        value={text}
        placeholder={trans.__('Filter metrics')}
        aria-label={trans.__('Filter metrics')}
        onChange={event => setText(event.target.value)}
      />
      <ul aria-label={trans.__('Metrics')}>
        {listed.map(key => (
          <li key={key}>
            <label>
              <input
                type="checkbox"
                className="jp-WindlassCheckbox"
                checked={chosen.includes(key)}
                disabled={chosen.includes(key) ? chosen.length === 1 : isFull}
                onChange={() => toggle(key)}
              />
              <span>{key}</span>
            </label>
          </li>
        ))}
      </ul>
      <p className="jp-WindlassMuted" role="status">
        {noteOf(matching.length, isFull, trans)}
      </p>
    </div>
  );
}

function noteOf(found: number, isFull: boolean, trans: TranslationBundle): string {
  if (found === 0) {
    return trans.__('No metric has this in its name.');
  }
  if (isFull) {
    return trans.__('%1 metrics can be drawn at once.', MOST_METRICS);
  }
  return found > MOST_LISTED ? trans.__('The first %1 of %2. Type to find others.', MOST_LISTED, found) : '';
}
