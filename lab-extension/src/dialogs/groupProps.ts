/** What every group of fields of the submit dialog is given. */
import type { SubmitModel } from './model';

/** The fields of a group get the model and the prefix of their ids. */
export interface IGroupProps {
  readonly model: SubmitModel;
  readonly idPrefix: string;
}
