/**
 * The state of the submit dialog: what was typed, what the server thinks of it, and whether it can be sent.
 *
 * Everything typed stays, whatever the server answers. Knows no widgets.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage, WindlassError } from '../api/errors';
import type { EnvironmentList, Job, JobPreview } from '../api/types';
import { CLUSTER_ENGINE } from '../api/types';
import type { IWindlass } from '../tokens';
import type { IClusterForm } from './clusterForm';
import { ClusterSide } from './clusterSide';
import { EstimateModel } from './estimate/model';
import { isShown, REQUEST_NAMES } from './fields';
import type { Fix } from './fix';
import { applyFix } from './fix';
import type { ISubmitForm, TextField } from './form';
import { without, withoutUnder } from './form';
import type { FieldValue } from './parameters';
import type { SaveOutcome } from './save';
import { saveNotebook } from './save';
import type { FieldErrors, IValidation } from './validate';
import { validate } from './validate';

/** How good the preview is: `stale` shows an earlier one while a new one is on its way or cannot be had. */
export type PreviewState = 'loading' | 'ready' | 'stale' | 'error';

const PREVIEW_DELAY_MILLISECONDS = 300;
const SAVE_TIMEOUT_MILLISECONDS = 10_000;

/** The model behind the submit dialog. */
export class SubmitModel implements IDisposable {
  constructor(options: SubmitModel.IOptions) {
    this.windlass = options.windlass;
    this.path = options.path;
    this._context = options.context;
    this._form = options.form;
    this._saved = options.saved;
    this._delay = options.previewDelayMilliseconds ?? PREVIEW_DELAY_MILLISECONDS;
    this.cluster = new ClusterSide(options);
    this.estimate = new EstimateModel({ windlass: this.windlass, delayMilliseconds: this._delay });
    this.estimate.changed.connect(this._emit, this);
    this.cluster.changed.connect(this._onSurroundings, this);
    this.windlass.info.changed.connect(this._onSurroundings, this);
  }

  /** What it would cost. */
  readonly estimate: EstimateModel;

  /** What is known of the cluster; empty until a cluster is chosen. */
  readonly cluster: ClusterSide;

  readonly windlass: IWindlass;

  /** The notebook, relative to the server's root. */
  readonly path: string;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get trans(): TranslationBundle {
    return this.windlass.trans;
  }

  get form(): ISubmitForm {
    return this._form;
  }

  /** What is wrong with fields, in the browser's view or else in the server's. */
  get errors(): FieldErrors {
    return { ...this._refused, ...this._validation().errors };
  }

  get preview(): JobPreview | null {
    return this._preview;
  }

  get previewState(): PreviewState {
    return this._previewState;
  }

  /** Why there is no current preview; null when there is one. */
  get previewProblem(): string | null {
    return this._previewProblem;
  }

  /** Where a job can run; null until known. */
  get environments(): EnvironmentList | null {
    return this._environments;
  }

  /** What became of saving the notebook. */
  get saved(): SaveOutcome {
    return this._saved;
  }

  /** The engine that would run it; null while the server's default is not known. */
  get engine(): string | null {
    return this._form.engine || (this.windlass.info.info?.default_engine ?? null);
  }

  get isOnCluster(): boolean {
    return this.engine === CLUSTER_ENGINE;
  }

  get isSubmitting(): boolean {
    return this._isSubmitting;
  }

  /** Why the last attempt to send it failed, but for what is said at fields. */
  get submitProblem(): string | null {
    return this._submitProblem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Why it cannot be sent now; null when it can. */
  get obstacle(): string | null {
    const { trans } = this;
    if (this._isSubmitting) {
      return trans.__('Sending…');
    }
    if (Object.keys(this._validation().errors).length > 0) {
      return trans.__('Correct the marked fields first.');
    }
    if (this._isEngineUnknown || (this.isOnCluster && !this.cluster.current)) {
      return this.cluster.problem ?? trans.__('Loading…');
    }
    if (this._previewState === 'error') {
      return this._previewProblem;
    }
    if (!this._preview) {
      return trans.__('The notebook is being read…');
    }
    if (this.estimate.refused !== null) {
      return trans.__('A budget that is spent forbids this: see under Cost.');
    }
    if (!this._preview.can_submit && this._previewState === 'ready') {
      return trans.__('Something stands in the way: see the findings under Preview.');
    }
    return null;
  }

  /** Ask the server for what the dialog shows. */
  start(): void {
    this._onSurroundings();
    void this._askEnvironments();
    if (!this.windlass.info.info) {
      void this.windlass.info.refresh();
    }
  }

  /** Take what was typed into a field. */
  set(field: TextField, value: string): void {
    this._update({ ...this._form, [field]: value }, REQUEST_NAMES[field]);
    if (field === 'engine') {
      this._refused = withoutUnder(this._refused, 'cluster');
      this._needCluster();
    }
  }

  /** Take what was typed into fields about the cluster, which requests call `requestField`. */
  setCluster(change: Partial<IClusterForm>, requestField: string): void {
    this._update({ ...this._form, cluster: { ...this._form.cluster, ...change } }, requestField);
  }

  /** Merge a finding's fix into what was typed, and look at it again. */
  async apply(fix: Fix): Promise<void> {
    const side = fix.cluster === undefined ? this.cluster.current : await this.cluster.load();
    if (this._isDisposed) {
      return;
    }
    const parameters = this._preview?.parameters ?? [];
    this._form = applyFix(this._form, fix, { parameters, patchCluster: side?.part.patchCluster ?? null });
    this._refused = {};
    this._submitProblem = null;
    this._needCluster();
    this._emit();
    this.refreshPreview();
  }

  /** Take what was typed for a parameter; undefined goes back to the notebook's default. */
  setParameter(name: string, value: FieldValue | undefined): void {
    const others = without(this._form.parameters, name);
    const parameters = value === undefined ? others : { ...others, [name]: value };
    this._update({ ...this._form, parameters }, `parameters.${name}`);
  }

  /** Take the user's leave to send what looks like secrets. */
  setAllowSecrets(allowSecrets: boolean): void {
    this._update({ ...this._form, allowSecrets }, null);
  }

  /** Ask for the preview again, now. */
  refreshPreview(): void {
    this._asked = null;
    void this._askPreview();
  }

  /** Try to save the notebook again. */
  async saveAgain(): Promise<void> {
    this._saved = await saveNotebook(this._context, SAVE_TIMEOUT_MILLISECONDS);
    this._emit();
    this.refreshPreview();
  }

  /** Send the job; null when it was not sent, and then it is said why. Two calls at once make one job. */
  async submit(): Promise<Job | null> {
    const { request } = this._validation();
    if (this._isSubmitting || this.obstacle !== null || !request) {
      return null;
    }
    this._isSubmitting = true;
    this._submitProblem = null;
    this._emit();
    try {
      if (!(await this._saveChanges())) {
        return null;
      }
      return await this.windlass.jobs.submit(request);
    } catch (error) {
      this._submitProblem = this._refuse(error);
      return null;
    } finally {
      this._isSubmitting = false;
      this._emit();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this.windlass.info.changed.disconnect(this._onSurroundings, this);
    this.cluster.dispose();
    this.estimate.dispose();
    Signal.clearData(this);
  }

  /** Save what has changed since the dialog was opened. The user was already told when even that could not be saved. */
  private async _saveChanges(): Promise<boolean> {
    const before = this._saved.kind;
    this._saved = await saveNotebook(this._context, SAVE_TIMEOUT_MILLISECONDS);
    if (this._saved.kind === 'failed' && before !== 'failed') {
      this._submitProblem = this.trans.__(
        'The notebook could not be saved. Submit again to send it as last saved.'
      );
      return false;
    }
    return true;
  }

  private _validation(): IValidation {
    const { path, trans } = this;
    const parameters = this._preview?.parameters ?? null;
    const side = this.isOnCluster ? this.cluster.current : null;
    const readCluster = side?.part.readCluster;
    const validation = validate(this._form, { notebook: path, parameters, readCluster, trans });
    // Without the fields about the cluster it would be another job.
    return this.isOnCluster && !side ? { ...validation, request: null } : validation;
  }

  /** Whether it is still to be heard which engine is the default: it may be a cluster. */
  private get _isEngineUnknown(): boolean {
    const { info, problem } = this.windlass.info;
    return this._form.engine === '' && !info && !problem;
  }

  private _needCluster(): void {
    if (this.isOnCluster && !this.cluster.current && !this.cluster.problem) {
      void this.cluster.load();
    }
  }

  private _update(form: ISubmitForm, requestField: string | null): void {
    this._form = form;
    this._submitProblem = null;
    if (requestField) {
      this._refused = withoutUnder(this._refused, requestField);
    }
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._askPreview(), this._delay);
    this._emit();
  }

  private async _askPreview(): Promise<void> {
    const { request } = this._validation();
    const question = request && JSON.stringify({ ...request, name: null, experiment: null });
    if (!request || question === this._asked) {
      return;
    }
    this._asked = question;
    this._previewState = this._preview ? 'stale' : 'loading';
    this._previewProblem = null;
    this._emit();
    try {
      const preview = await this.windlass.client.preview(request);
      if (this._asked === question && !this._isDisposed) {
        this._takePreview(preview);
      }
    } catch (error) {
      if (this._asked === question && !this._isDisposed) {
        this._previewProblem = this._refuse(error) ?? toMessage(error, this.trans);
        this._previewState = 'error';
        this._emit();
      }
    }
  }

  private _takePreview(preview: JobPreview): void {
    this._preview = preview;
    this._previewState = 'ready';
    if (this._submitProblem === null) {
      // What was said when it was sent stands until something is changed.
      this._refused = {};
    }
    this._emit();
    // Parameters that were remembered could not be sent before the notebook's own were known.
    void this._askPreview();
  }

  private async _askEnvironments(): Promise<void> {
    try {
      this._environments = await this.windlass.client.environments();
    } catch {
      // Without the list there is still the notebook's own environment.
      this._environments = { items: [], default: null };
    }
    this._emit();
  }

  /** Take apart what the server refused: complaints about fields go there, and the rest is answered. */
  private _refuse(error: unknown): string | null {
    const fields = error instanceof WindlassError ? (error.problem?.fields ?? []) : [];
    this._refused = Object.fromEntries(fields.map(({ field, message }) => [field, message]));
    const parameters = this._preview?.parameters ?? [];
    const allShown =
      fields.length > 0 && fields.every(({ field }) => isShown(field, parameters, this.isOnCluster));
    return allShown
      ? this.trans.__('The server refused this: see the marked fields under Run.')
      : toMessage(error, this.trans);
  }

  /** What the server can do, or the cluster offers, has been heard of. */
  private _onSurroundings(): void {
    this._needCluster();
    this._emit();
    void this._askPreview();
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this.estimate.want(this._validation().request);
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _context: DocumentRegistry.IContext<INotebookModel> | null;
  private readonly _delay: number;
  private _asked: string | null = null;
  private _environments: EnvironmentList | null = null;
  private _form: ISubmitForm;
  private _isDisposed = false;
  private _isSubmitting = false;
  private _preview: JobPreview | null = null;
  private _previewProblem: string | null = null;
  private _previewState: PreviewState = 'loading';
  private _refused: FieldErrors = {};
  private _saved: SaveOutcome;
  private _submitProblem: string | null = null;
  private _timer = 0;
}

/** A namespace for SubmitModel. */
export namespace SubmitModel {
  /** Options of a SubmitModel. */
  export interface IOptions {
    readonly windlass: IWindlass;
    readonly context: DocumentRegistry.IContext<INotebookModel> | null;
    readonly path: string;
    readonly form: ISubmitForm;
    /** What became of saving the notebook before the dialog was opened. */
    readonly saved: SaveOutcome;
    /** How long to wait for the next keystroke before the preview is asked for again. */
    readonly previewDelayMilliseconds?: number;
  }
}
