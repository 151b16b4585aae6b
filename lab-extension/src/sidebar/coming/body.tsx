/** What a section without a feature shows: a sentence, and the way to MLflow's page where that helps. */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { CommandIDs } from '../../commands';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import { trackingUrl } from '../../model/tracking';
import type { IWindlass } from '../../tokens';
import type { IComing } from './texts';

/** The body of a section that has nothing to show yet. */
export function ComingBody(props: ComingBody.IProps): React.JSX.Element {
  const { coming, commands, windlass } = props;
  const { info, trans } = windlass;
  const url = useSignal(info.changed, () => trackingUrl(info.info, window.location));
  const tracking = info.info?.tracking;
  const open = coming.isInTracking && url !== null;
  return (
    <StateView
      kind="empty"
      text={coming.text}
      detail={coming.isInTracking && !open ? tracking?.message : null}
      actions={
        open
          ? [{ label: trans.__('Open MLflow'), act: () => void commands.execute(CommandIDs.openTracking) }]
          : []
      }
    />
  );
}

/** A namespace for `ComingBody` statics. */
export namespace ComingBody {
  /** The properties of `ComingBody`. */
  export interface IProps {
    coming: IComing;
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
