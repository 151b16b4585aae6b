/**
 * What is typed in the dialog that promotes a version, and what there is to know before: where the alias or stage is
 * now, whose approval it needs, what would change.
 */
import type {
  EvaluationResult,
  Promotion,
  PromotionRequest,
  PromotionRule,
  PromotionTerms,
  RegisteredModel,
  VersionComparison
} from '../../api/types';
import { toMessage } from '../../api/errors';
import type { Registry } from '../../model/registry';
import { registryOf } from '../../model/registry';
import type { IWindlass } from '../../tokens';
import { AskForm } from '../ask';

/** What is asked about. */
export interface IPromoteOptions {
  readonly windlass: IWindlass;
  readonly name: string;
  /** The version to promote. */
  readonly version: string;
}

/** The value of the choice that lets another alias be typed. */
export const OTHER = 'other:';

/** What a version can be promoted to; `key` is unlike for an alias and a stage of one name. */
export interface ITarget {
  readonly key: string;
  readonly kind: 'alias' | 'stage';
  readonly name: string;
}

/** The form of a promotion. */
export class PromoteForm extends AskForm<Promotion> {
  constructor(options: IPromoteOptions) {
    super(options.windlass.trans);
    this.name = options.name;
    this.version = options.version;
    this._registry = registryOf(options.windlass);
  }

  readonly name: string;
  readonly version: string;

  terms: PromotionTerms | null = null;
  model: RegisteredModel | null = null;

  /** Why terms or model could not be read; null: they were, or are on their way. */
  loadProblem: string | null = null;

  /** The chosen target's key, or `OTHER`. */
  choice = '';
  other = '';
  comment = '';

  /** The candidate against the version that is there now; null: not known yet, or there is none. */
  comparison: VersionComparison | null = null;
  comparisonProblem: string | null = null;

  /** The promotion that was quicker than this one; null: none was, or it is not known. */
  quicker: Promotion | null = null;

  /** What the newest evaluation of the candidate found. */
  evaluation: EvaluationResult | null = null;

  /** What there is to choose from. Aliases that the model has already count where any may be typed. */
  get targets(): readonly ITarget[] {
    const { terms, model } = this;
    const own = terms?.free ? Object.keys(model?.aliases ?? {}) : [];
    const aliases = [...new Set([...(terms?.aliases ?? []), ...own])];
    return [
      ...aliases.map(name => ({ key: `alias:${name}`, kind: 'alias' as const, name })),
      ...(terms?.stages ?? []).map(name => ({ key: `stage:${name}`, kind: 'stage' as const, name }))
    ];
  }

  get target(): ITarget | null {
    if (this.choice === OTHER) {
      const name = this.other.trim();
      return name === '' ? null : { key: `alias:${name}`, kind: 'alias', name };
    }
    return this.targets.find(({ key }) => key === this.choice) ?? null;
  }

  /** The version that the target is at; null: none; undefined: not known, or many may be there. */
  get present(): string | null | undefined {
    const { target, model } = this;
    if (!target || !model) {
      return undefined;
    }
    if (target.kind === 'alias') {
      return model.aliases[target.name] ?? null;
    }
    return HELD_STAGES.has(target.name) ? this._stages.get(target.name) : undefined;
  }

  /** Whose approval the chosen target needs; null: nobody's. */
  get rule(): PromotionRule | null {
    const { target } = this;
    // Case does not count: in some of MLflow's databases it does not either.
    const isSame = (one: string | null, other: string): boolean => one?.toLowerCase() === other.toLowerCase();
    return (
      (target &&
        this.terms?.rules.find(rule =>
          isSame(target.kind === 'alias' ? rule.alias : rule.stage, target.name)
        )) ??
      null
    );
  }

  get obstacle(): string | null {
    const { target, terms, trans, version } = this;
    if (!terms) {
      return this.loadProblem ?? trans.__('Loading what this version can be promoted to…');
    }
    if (!target) {
      return trans.__('Choose what to promote it to.');
    }
    return this.present === version
      ? trans.__('%1 is at version %2 already.', targetName(target, trans), version)
      : null;
  }

  choose(choice: string): void {
    this.choice = choice;
    this.quicker = null;
    this._onTarget();
  }

  setOther(other: string): void {
    this.other = other;
    this._onTarget();
  }

  setComment(comment: string): void {
    this.comment = comment;
    this.emit();
  }

  /** Read what there is to know. Never throws: `loadProblem` says what went wrong. */
  async load(): Promise<void> {
    const { client } = this._registry;
    this.loadProblem = null;
    this.emit();
    try {
      const [terms, page] = await Promise.all([client.terms(this.name), client.model(this.name)]);
      this.terms = terms;
      this.model = page.model;
      // The newest version of a stage holds it; versions come newest first.
      this._stages = new Map(
        page.items.flatMap(({ stage, version }) => (stage ? [[stage, version] as const] : [])).reverse()
      );
      this.choice ||= this.targets[0]?.key ?? (terms.free ? OTHER : '');
    } catch (error) {
      this.loadProblem = toMessage(error, this.trans);
    }
    this._onTarget();
  }

  /** Learn how the candidate was measured; without an answer nothing is said of it. */
  async loadEvaluation(): Promise<void> {
    this.evaluation = await this._registry.client.evaluation(this.name, this.version).catch(() => null);
    this.emit();
  }

  protected readonly shown = ['alias', 'stage', 'comment'];

  protected async ask(): Promise<Promotion> {
    const { target, present, trans } = this;
    if (!target) {
      throw new Error(trans.__('Choose what to promote it to.'));
    }
    const body: PromotionRequest = {
      version: this.version,
      alias: target.kind === 'alias' ? target.name : null,
      stage: target.kind === 'stage' ? target.name : null,
      expected: present === undefined ? null : (present ?? ''),
      comment: this.comment.trim()
    };
    const promotion = await this._registry.promote(this.name, body);
    if (promotion.state !== 'done' && promotion.state !== 'waiting') {
      throw new Error(promotion.message ?? trans.__('It was not done.'));
    }
    return promotion;
  }

  /** Somebody may have been quicker: what is shown, and what is expected next time, is what is there now. */
  protected override async onRefused(): Promise<void> {
    const { present: before, target } = this;
    await this.load();
    this.quicker = null;
    if (target && before !== undefined && this.present !== before) {
      const log = await this._registry.client.promotions(this.name).catch(() => null);
      this.quicker =
        log?.items.find(
          ({ alias, stage, state, to_version: to }) =>
            state === 'done' &&
            (target.kind === 'alias' ? alias : stage) === target.name &&
            to === (this.present ?? '')
        ) ?? null;
    }
  }

  private _onTarget(): void {
    const { present, version } = this;
    const against = present === version ? null : (present ?? null);
    if (against !== this._against) {
      this._against = against;
      this.comparison = null;
      this.comparisonProblem = null;
      if (against !== null) {
        void this._compare(against);
      }
    }
    this.emit();
  }

  private async _compare(against: string): Promise<void> {
    try {
      const comparison = await this._registry.client.compare(this.name, this.version, against);
      if (against === this._against) {
        this.comparison = comparison;
      }
    } catch (error) {
      if (against === this._against) {
        this.comparisonProblem = toMessage(error, this.trans);
      }
    }
    this.emit();
  }

  /** The version that the candidate is compared with. */
  private _against: string | null = null;
  private readonly _registry: Registry;
  private _stages: ReadonlyMap<string, string> = new Map();
}

/** Of these stages one version is the holder; in the others there may be many. */
const HELD_STAGES = new Set(['Staging', 'Production']);

/** `champion`, or `the stage Production`. */
export function targetName(
  target: { readonly kind: 'alias' | 'stage'; readonly name: string },
  trans: IWindlass['trans']
): string {
  return target.kind === 'alias' ? target.name : trans.__('the stage %1', target.name);
}
