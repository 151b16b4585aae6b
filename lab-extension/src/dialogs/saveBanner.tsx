/** Says so when what would be sent is not what is on the screen. */
import * as React from 'react';
import type { SubmitModel } from './model';

/** Nothing, while the file is what is on the screen. */
export function SaveBanner({ model }: { model: SubmitModel }): React.JSX.Element | null {
  const { saved, trans } = model;
  if (saved.kind === 'notOpen') {
    return (
      <div className="jp-WindlassBanner" role="status">
        {trans.__('The notebook is not open here: the file as last saved is sent.')}
      </div>
    );
  }
  if (saved.kind !== 'failed') {
    return null;
  }
  return (
    <div className="jp-WindlassBanner jp-mod-warning" role="alert">
      <span>
        {trans.__(
          'The notebook could not be saved: %1 If you go on, the file as last saved is sent, not what is on the screen.',
          asSentence(saved.reason)
        )}
      </span>
      <button type="button" className="jp-WindlassLink" onClick={() => void model.saveAgain()}>
        {trans.__('Save again')}
      </button>
    </div>
  );
}

function asSentence(reason: string): string {
  return /[.!?]$/.test(reason) ? reason : `${reason}.`;
}
