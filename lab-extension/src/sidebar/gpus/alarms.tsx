/** Alarms about GPUs that are held and do little: what, what it costs, and what can be done. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { GpuAlarm } from '../../api/types';
import { chartsIcon } from '../../components/chartsIcon';
import { formatRate } from '../../components/money';
import { WarningSign } from '../../components/warningSign';
import { GpuCommandIDs } from '../../model/gpuCommands';
import type { GpusModel } from '../../model/gpus';

interface IAlarmsProps {
  readonly alarms: readonly GpuAlarm[];
  readonly commands: CommandRegistry;
  readonly model: GpusModel;
  readonly trans: TranslationBundle;
}

/** The alarms; an element even when there are none, so that they are heard when they come. */
export function Alarms({ alarms, commands, model, trans }: IAlarmsProps): React.JSX.Element {
  return (
    <div role="log" aria-label={trans.__('GPU alarms')}>
      {alarms.map(alarm => (
        <Alarm key={alarm.id} alarm={alarm} commands={commands} model={model} trans={trans} />
      ))}
    </div>
  );
}

interface IAlarmProps extends Omit<IAlarmsProps, 'alarms'> {
  readonly alarm: GpuAlarm;
}

function Alarm({ alarm, commands, model, trans }: IAlarmProps): React.JSX.Element {
  const [isGoing, setGoing] = React.useState(false);
  const dismiss = async (): Promise<void> => {
    setGoing(true);
    try {
      await model.dismiss(alarm.id);
    } catch (error) {
      setGoing(false);
      Notification.error(toMessage(error, trans), { autoClose: 10_000 });
    }
  };
  const open = (): void => void commands.execute(GpuCommandIDs.openGpus, argsOf(alarm));
  return (
    <div className="jp-WindlassGpus-alarm">
      <WarningSign />
      <span className="jp-WindlassGpus-alarmText">
        {alarm.message}
        {alarm.usd_per_hour !== null && ` ${trans.__('It costs %1.', formatRate(alarm.usd_per_hour, trans))}`}
      </span>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Show how it was used')}
        aria-label={trans.__('Show how it was used: %1', alarm.message)}
        onClick={open}
      >
        <chartsIcon.react tag="span" aria-hidden />
      </button>
      <button
        type="button"
        className="jp-WindlassIconButton"
        disabled={isGoing}
        title={trans.__('Dismiss until it has been used again')}
        aria-label={trans.__('Dismiss: %1', alarm.message)}
        onClick={() => void dismiss()}
      >
        <closeIcon.react tag="span" aria-hidden />
      </button>
    </div>
  );
}

function argsOf({ job_id: id }: GpuAlarm): { id?: string } {
  return id === null ? {} : { id };
}
