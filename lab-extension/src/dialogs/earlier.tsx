/** Says that what is shown is of an earlier preview, because a newer one cannot be had. */
import * as React from 'react';
import type { SubmitModel } from './model';

/** Nothing, while that is not so. */
export function EarlierBanner({ model }: { readonly model: SubmitModel }): React.JSX.Element | null {
  const { trans, previewState, previewProblem } = model;
  return previewState === 'error' ? (
    <div className="jp-WindlassBanner jp-mod-error" role="alert">
      <span>{trans.__('This is an earlier preview. %1', previewProblem ?? '')}</span>
      <button type="button" className="jp-WindlassLink" onClick={() => model.refreshPreview()}>
        {trans.__('Try again')}
      </button>
    </div>
  ) : null;
}
