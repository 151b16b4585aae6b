/** The commands on registered models. Their dialogs are fetched when first asked for. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { addIcon, launchIcon, runIcon, undoIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { IModelArgs, IPageArgs, IRegisterArgs } from '../commands';
import { CommandIDs } from '../commands';
import { ModelCommandIDs } from '../model/modelCommands';
import type { ModelPage } from '../pages/model';
import type { IWindlass } from '../tokens';

/** Add all commands on models. */
export function addModelCommands(app: JupyterFrontEnd, windlass: IWindlass): void {
  const { commands } = app;
  const { trans } = windlass;
  const open: OpenModel = async (name, version) => {
    const place: IPageArgs = { kind: 'model', key: name };
    const page = (await commands.execute(CommandIDs.openPage, { ...place })) as ModelPage;
    if (version !== undefined) {
      page.showVersion(version);
    }
    return page;
  };
  commands.addCommand(CommandIDs.openModel, {
    label: trans.__('Open Model'),
    caption: trans.__('Show the versions of this model, and who promoted which'),
    icon: launchIcon,
    describedBy: { args: modelSchema(trans.__('The version to show first'), []) },
    isEnabled: args => isText(args.name),
    execute: async args => {
      const { name, version } = args as unknown as IModelArgs;
      return open(name, version);
    }
  });
  commands.addCommand(CommandIDs.registerModel, {
    label: trans.__('Register Model…'),
    caption: trans.__('Make the model of this run a version of a registered model'),
    icon: addIcon,
    describedBy: { args: REGISTER_SCHEMA },
    isEnabled: args => isText(args.runId),
    execute: async args => {
      const { openRegisterDialog } = await import(/* webpackChunkName: "models" */ '../dialogs/models');
      const made = await openRegisterDialog({ windlass, ...registerArgs(args) });
      return made && open(made.name, made.version);
    }
  });
  addVersionCommands(app, windlass, open);
}

/** The commands on one version. */
function addVersionCommands({ commands }: JupyterFrontEnd, windlass: IWindlass, open: OpenModel): void {
  const { trans } = windlass;
  commands.addCommand(ModelCommandIDs.promote, {
    label: trans.__('Promote…'),
    caption: trans.__('Move an alias or a stage to this version'),
    icon: undoIcon,
    describedBy: { args: modelSchema(trans.__('The version to promote'), ['version']) },
    isEnabled: args => isText(args.name) && isText(args.version),
    execute: async args => {
      const { name, version } = args as unknown as Required<IModelArgs>;
      const { openPromoteDialog } = await import(/* webpackChunkName: "models" */ '../dialogs/models');
      const promotion = await openPromoteDialog({ windlass, name, version });
      if (promotion?.state === 'waiting') {
        (await open(name)).showPromotions();
      }
      return promotion;
    }
  });
  commands.addCommand(ModelCommandIDs.evaluate, {
    label: trans.__('Evaluate…'),
    caption: trans.__('Measure this version on a validation set, beside the present champion'),
    icon: runIcon,
    describedBy: { args: modelSchema(trans.__('The version to evaluate'), ['version']) },
    isEnabled: args => isText(args.name) && isText(args.version),
    execute: async args => {
      const { name, version } = args as unknown as Required<IModelArgs>;
      const { openEvaluateDialog } = await import(/* webpackChunkName: "models" */ '../dialogs/models');
      return openEvaluateDialog({ windlass, name, version });
    }
  });
}

/** Opens a model's page, at a version if one is given. */
type OpenModel = (name: string, version?: string) => Promise<ModelPage>;

const REGISTER_SCHEMA: ReadonlyJSONObject = {
  type: 'object',
  required: ['runId'],
  properties: {
    runId: { type: 'string' },
    modelId: { type: ['string', 'null'] },
    path: { type: ['string', 'null'] }
  }
};

function modelSchema(version: string, required: string[]): ReadonlyJSONObject {
  return {
    type: 'object',
    required: ['name', ...required],
    properties: { name: { type: 'string' }, version: { type: 'string', description: version } }
  };
}

function registerArgs({ runId, modelId, path }: ReadonlyPartialJSONObject): IRegisterArgs {
  const text = (value: unknown): string | null => (isText(value) ? value : null);
  return { runId: text(runId) ?? '', modelId: text(modelId), path: text(path) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
