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
  /** Which of its kind: the id of a job or run, the name of a model. */
  key: string;
  notebooks: INotebookTracker | null;
  /** The page's own: what it adds is nobody else's. */
  rendermime: IRenderMimeRegistry;
  windlass: IWindlass;
}

/** Make a page. Throws for a kind that is not known, or whose files cannot be fetched. */
export async function makePage(options: IPageOptions): Promise<MainAreaWidget> {
  const { app, key, kind, rendermime, windlass } = options;
  const { commands } = app;
  switch (kind) {
    case 'job': {
      const { JobPage } = await import('../pages/job');
      return new JobPage({ windlass, jobId: key, rendermime, commands });
    }
    default:
      throw new Error(windlass.trans.__('There is no page of the kind “%1”.', kind));
  }
}
