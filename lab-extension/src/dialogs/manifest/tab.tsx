/** The objects that would be made in the cluster, in their order, as YAML to read and to copy. */
import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import '../../../style/manifest.css';
import { isObject } from '../clusterForm';
import { EarlierBanner } from '../earlier';
import type { SubmitModel } from '../model';
import { toYaml } from './yaml';

/** The manifests of the preview. */
export function ManifestTab({ model }: { readonly model: SubmitModel }): React.JSX.Element {
  const { preview, previewState, trans } = model;
  const [copied, setCopied] = React.useState('');
  const manifests = React.useMemo(
    () =>
      (preview?.manifests ?? []).map(manifest => ({
        title: titleOf(manifest, trans),
        yaml: toYaml([manifest])
      })),
    [preview, trans]
  );
  const copy = (title: string, text: string): void => {
    Clipboard.copyToSystem(text);
    setCopied(trans.__('Copied: %1', title));
  };
  const all = manifests.map(({ yaml }) => yaml).join('---\n');
  return (
    <div className="jp-WindlassPreview" aria-busy={previewState === 'stale'}>
      <EarlierBanner model={model} />
      <div className="jp-WindlassManifest-head">
        <p className="jp-WindlassMuted">
          {trans.__('Made in this order. Secrets are references: their values are not in here.')}
        </p>
        <CopyButton label={trans.__('Copy all')} onCopy={() => copy(trans.__('all'), all)} />
      </div>
      {manifests.map(({ title, yaml }, index) => (
        <section key={index} className="jp-WindlassSection" aria-label={title}>
          <div className="jp-WindlassManifest-head">
            <strong>{title}</strong>
            <CopyButton label={trans.__('Copy')} of={title} onCopy={() => copy(title, yaml)} />
          </div>
          <pre className="jp-WindlassCode jp-WindlassManifest-yaml" tabIndex={0}>
            {yaml}
          </pre>
        </section>
      ))}
      <p className="jp-WindlassMuted" role="status">
        {copied}
      </p>
    </div>
  );
}

interface ICopyButtonProps {
  readonly label: string;
  readonly of?: string;
  readonly onCopy: () => void;
}

function CopyButton({ label, of, onCopy }: ICopyButtonProps): React.JSX.Element {
  return (
    <button
      type="button"
      className="jp-WindlassButton"
      aria-label={of ? `${label} ${of}` : undefined}
      onClick={onCopy}
    >
      <copyIcon.react tag="span" aria-hidden width="14px" height="14px" />
      {label}
    </button>
  );
}

function titleOf(manifest: Readonly<Record<string, unknown>>, trans: TranslationBundle): string {
  const { kind, metadata } = manifest;
  const name = isObject(metadata) ? metadata.name : null;
  return [typeof kind === 'string' ? kind : trans.__('Object'), typeof name === 'string' ? name : '']
    .filter(Boolean)
    .join(' ');
}
