/** What the pages of the main area are: each kind is fetched when the first of it is opened. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IWindlass } from '../tokens';

/** What a page is made from. */
export interface IPageOptions {
  app: JupyterFrontEnd;
  kind: string;
  /** Which of its kind: the id of a job or run, the name of a model, the id of a job for its GPUs. */
  key: string;
  notebooks: INotebookTracker | null;
  /** The page's own: what it adds is nobody else's. */
  rendermime: IRenderMimeRegistry;
  windlass: IWindlass;
}

/** Make a page. Throws for a kind that is not known, or whose files cannot be fetched. */
export async function makePage(options: IPageOptions): Promise<MainAreaWidget> {
  const { app, key, kind, notebooks, rendermime, windlass } = options;
  const { commands } = app;
  switch (kind) {
    case 'job': {
      const { JobPage } = await import('../pages/job');
      return new JobPage({ windlass, jobId: key, rendermime, commands });
    }
    case 'run': {
      const { RunPage } = await import('../pages/run');
      return new RunPage({ windlass, runId: key, rendermime, commands, notebooks, shell: app.shell });
    }
    case 'runs': {
      const { RunsPage } = await import('../pages/runs');
      return new RunsPage({ windlass, experimentId: key, commands });
    }
    case 'compare': {
      const { ComparePage } = await import('../pages/charts');
      return new ComparePage({ windlass, key, commands });
    }
    case 'model': {
      const { ModelPage } = await import(/* webpackChunkName: "models" */ '../pages/model');
      return new ModelPage({ windlass, name: key, commands });
    }
    case 'gpus': {
      const { GpusPage } = await import('../pages/charts');
      return new GpusPage({ windlass, key, commands });
    }
    case 'costs': {
      const { CostsPage } = await import('../pages/costs');
      return new CostsPage({ windlass, commands });
    }
    default:
      throw new Error(windlass.trans.__('There is no page of the kind “%1”.', kind));
  }
}
