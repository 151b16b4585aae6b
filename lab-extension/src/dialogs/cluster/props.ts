/** What every field of the cluster's part of the dialog is given. */
import type { IGroupProps } from '../groupProps';
import type { OffersModel } from './offers';

/** What the groups about a cluster get. */
export interface IClusterProps extends IGroupProps {
  readonly offers: OffersModel;
}
