/**
 * The chain that a thing is part of, from notebook to deployment, as columns that lead from left to right.
 *
 * It says where a link is to be gone to and leaves the going to commands.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import '../../style/lineage.css';
import type { Lineage, LineageKind, LineageNode } from '../api/types';
import { CommandIDs } from '../commands';
import { formatMoment } from './quantities';

/** The kinds of links, in the order in which one comes of another. */
const ORDER: readonly LineageKind[] = ['notebook', 'bundle', 'job', 'run', 'model_version', 'deployment'];

interface ILineageProps {
  readonly lineage: Lineage;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** The strip, and what it cost along the chain. */
export function LineageStrip({ lineage, commands, trans }: ILineageProps): React.JSX.Element {
  const columns = ORDER.map(kind => ({
    kind,
    nodes: lineage.nodes.map((node, index) => ({ node, index })).filter(({ node }) => node.kind === kind)
  })).filter(({ nodes }) => nodes.length > 0);
  return (
    <div className="jp-WindlassLineage">
      <ol className="jp-WindlassLineage-strip" aria-label={trans.__('Lineage')}>
        {columns.map(({ kind, nodes }) => (
          <li key={kind} className="jp-WindlassLineage-column">
            <span className="jp-WindlassLineage-kind">{kindWord(kind, trans)}</span>
            <ul className="jp-WindlassLineage-nodes">
              {nodes.map(({ node, index }) => (
                <li key={index}>
                  <Node
                    node={node}
                    isFocus={index === lineage.focus}
                    go={goTo(lineage, index, commands)}
                    trans={trans}
                  />
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
      <p className="jp-WindlassMuted">
        {costText(lineage, trans)}
        {lineage.truncated && ` ${trans.__('There is more than is shown here.')}`}
      </p>
    </div>
  );
}

interface INodeProps {
  readonly node: LineageNode;
  readonly isFocus: boolean;
  readonly go: (() => void) | null;
  readonly trans: TranslationBundle;
}

function Node({ node, isFocus, go, trans }: INodeProps): React.JSX.Element {
  const title = [node.label, node.detail, node.at && formatMoment(node.at), node.id].filter(Boolean);
  return (
    <div
      className={`jp-WindlassLineage-node${isFocus ? ' jp-mod-focus' : ''}`}
      aria-current={isFocus ? 'true' : undefined}
      title={title.join('\n')}
    >
      {go ? (
        <button type="button" className="jp-WindlassLink" onClick={go}>
          {node.label}
        </button>
      ) : (
        <span className="jp-WindlassLineage-label">{node.label}</span>
      )}
      {node.detail && (
        <span className={node.missing ? 'jp-WindlassLineage-missing' : 'jp-WindlassMuted'}>
          {node.detail}
        </span>
      )}
      {node.missing && node.detail === null && (
        <span className="jp-WindlassLineage-missing">{trans.__('gone, or not readable')}</span>
      )}
      {node.cost_usd !== null && <span className="jp-WindlassMuted">{dollars(node.cost_usd)}</span>}
    </div>
  );
}

/** How a link is gone to; null: there is nowhere to go, or one is there. */
function goTo(lineage: Lineage, index: number, commands: CommandRegistry): (() => void) | null {
  const target = index === lineage.focus ? null : targetOf(lineage, index);
  return target && commands.hasCommand(target.command)
    ? () => void commands.execute(target.command, { ...target.args })
    : null;
}

interface ITarget {
  readonly command: string;
  readonly args: Readonly<Record<string, string>>;
}

function targetOf(lineage: Lineage, index: number): ITarget | null {
  const node = lineage.nodes[index];
  if (!node || node.missing) {
    return null;
  }
  switch (node.kind) {
    case 'notebook':
      return { command: 'docmanager:open', args: { path: node.id } };
    case 'bundle':
      return bundleTarget(lineage, index);
    case 'job':
      return { command: CommandIDs.openJob, args: { id: node.id } };
    case 'run':
      return { command: CommandIDs.openRun, args: { id: node.id } };
    case 'model_version':
      return modelTarget(node.id);
    case 'deployment':
      return null;
  }
}

/** A bundle is shown on the page of the job that sent it, or of a run that has it. */
function bundleTarget(lineage: Lineage, index: number): ITarget | null {
  const users = lineage.edges.filter(({ source }) => source === index).map(({ target }) => target);
  const user = users.find(target => ['job', 'run'].includes(lineage.nodes[target]?.kind ?? ''));
  return user === undefined ? null : targetOf(lineage, user);
}

function modelTarget(id: string): ITarget {
  const at = id.lastIndexOf('/');
  return { command: CommandIDs.openModel, args: { name: id.slice(0, at), version: id.slice(at + 1) } };
}

function kindWord(kind: LineageKind, trans: TranslationBundle): string {
  const words: Record<LineageKind, string> = {
    notebook: trans.__('Notebook'),
    bundle: trans.__('Bundle'),
    job: trans.__('Job'),
    run: trans.__('Run'),
    model_version: trans.__('Model version'),
    deployment: trans.__('Deployment')
  };
  return words[kind];
}

function costText({ cost_usd: cost, gpu_hours: hours }: Lineage, trans: TranslationBundle): string {
  const money = cost === null ? trans.__('unknown') : dollars(cost);
  const time = hours === null ? trans.__('unknown') : String(Number(hours.toFixed(2)));
  return trans.__('Cost along the chain: %1. GPU hours: %2.', money, time);
}

function dollars(usd: number): string {
  return `$${usd.toFixed(2)}`;
}
