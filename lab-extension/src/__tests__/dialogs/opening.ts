/** Opens the submit dialog over a fake server, and does in it what users do. */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import { CommandRegistry } from '@lumino/commands';
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import type { EngineInfo, Finding, Job, JobPreview, ParameterField } from '../../api/types';
import type { IMemoryStore } from '../../dialogs/memory';
import { openSubmitDialog } from '../../dialogs/submit';
import type { IFakeWindlass } from '../fakes';
import { fakeWindlass, makeInfo } from '../fakes';

let paths = 0;

export function parameter(name: string, type: string, value: ParameterField['default']): ParameterField {
  return { name, type, default: value, default_source: JSON.stringify(value), help: `about ${name}`, value };
}

export function finding(given: Partial<Finding> = {}): Finding {
  return {
    rule: 'save-on-every-rank',
    severity: 'warning',
    message: 'Every rank saves.',
    fix: 'Save on rank 0.',
    path: null,
    cell: 2,
    line: 5,
    excerpt: 'torch.save(model)',
    apply: null,
    ...given
  };
}

export function makePreview(given: Partial<JobPreview> = {}): JobPreview {
  return {
    notebook: 'work/train.ipynb',
    engine: 'local',
    kind: 'torchrun',
    world_size: 1,
    files: [
      { path: 'work/train.ipynb', size_bytes: 1200, reason: 'notebook' },
      { path: 'work/model.py', size_bytes: 5_600_000, reason: 'imported by train.ipynb, cell 1' }
    ],
    left_out: [{ path: 'work/data', size_bytes: null, reason: 'nothing imports it' }],
    data: [],
    parameters: [parameter('epochs', 'int', 3), parameter('debug', 'bool', false)],
    environment: {
      name: 'python3',
      display_name: 'Python 3',
      python: '/usr/bin/python3',
      python_version: '3.11.7',
      packages: [],
      missing: ['lightning']
    },
    git: null,
    findings: [],
    total_bytes: 5_601_200,
    bundle_sha256: 'ab',
    cells: 4,
    command: ['python', 'windlass_run.py'],
    manifest: null,
    manifests: [],
    kind_reason: null,
    cost_usd_per_hour: null,
    notices: [],
    can_submit: true,
    ...given
  };
}

/** What a test may arrange, and what it gets. */
export interface IOpened {
  windlass: IFakeWindlass;
  dialog: Omit<typeof screen, 'debug' | 'logTestingPlaygroundURL'>;
  answer: Promise<Job | null>;
  commands: CommandRegistry;
}

export async function openDialog(
  options: {
    arrange?: (windlass: IFakeWindlass) => void;
    path?: string;
    context?: Partial<DocumentRegistry.IContext<INotebookModel>> | null;
    store?: IMemoryStore;
  } = {}
): Promise<IOpened> {
  const windlass = fakeWindlass();
  windlass.client.info.mockResolvedValue(
    makeInfo({
      engines: [engine('local', true, null), engine('kubernetes', false, 'Install the extra “kubernetes”.')]
    })
  );
  windlass.client.preview.mockImplementation(async () => makePreview());
  options.arrange?.(windlass);
  const commands = new CommandRegistry();
  const answer = openSubmitDialog({
    windlass,
    commands,
    context: (options.context ?? null) as DocumentRegistry.IContext<INotebookModel> | null,
    path: options.path ?? `work/train-${paths++}.ipynb`,
    store: options.store
  });
  const dialog = within(await screen.findByRole('dialog'));
  await dialog.findByLabelText('Workers');
  return { windlass, dialog, answer, commands };
}

export function engine(name: string, available: boolean, message: string | null): EngineInfo {
  const unknown = { cpus: null, cpus_free: null, gpus: null, gpus_free: null, running: null, queued: null };
  return {
    name,
    display_name: name,
    available,
    message,
    kinds: [],
    capacity: { ...unknown, gpus: 4, gpus_free: 1 }
  };
}

export function submitButton({ dialog }: IOpened): HTMLElement {
  return dialog.getByRole('button', { name: 'Submit' });
}

export async function ready(opened: IOpened): Promise<void> {
  await waitFor(() => expect(submitButton(opened).getAttribute('aria-disabled')).toBe('false'));
}

export function type(opened: IOpened, label: string, text: string): void {
  fireEvent.change(opened.dialog.getByLabelText(label), { target: { value: text } });
}

/** Leave the dialog that is open, if one is. */
export async function closeDialog(): Promise<void> {
  const cancel = screen.queryByRole('button', { name: 'Cancel' });
  if (cancel) {
    await act(async () => cancel.click());
  }
}
