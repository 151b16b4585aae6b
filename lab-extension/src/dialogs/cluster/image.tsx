/** The image of a job: this server's, one of the catalogue, or any other by its name. */
import * as React from 'react';
import type { OfferedImage } from '../../api/types';
import { ChoiceField, TextField } from '../field';
import type { IClusterProps } from './props';

/** Value of the choice to type a name; no image has it. */
const TYPED = ' ';

/** The list, and the line to type in when another one is wanted. */
export function ImageField(props: IClusterProps): React.JSX.Element {
  const { model, offers } = props;
  const { image } = model.form.cluster;
  const images = offers.offers?.images ?? [];
  const [wantsToType, setWantsToType] = React.useState(false);
  const isOffered = image === '' || images.some(each => each.image === image);
  const isTyped = wantsToType || images.length === 0 || !isOffered;
  const set = (value: string): void => model.setCluster({ image: value }, 'cluster.image');
  return (
    <>
      {images.length > 0 && (
        <ImageList
          {...props}
          images={images}
          isTyped={isTyped}
          onChange={value => {
            setWantsToType(value === TYPED);
            set(value === TYPED ? image : value);
          }}
        />
      )}
      {isTyped && <ImageLine {...props} usual={images[0]} onChange={set} />}
    </>
  );
}

interface IImageListProps extends IClusterProps {
  readonly images: readonly OfferedImage[];
  readonly isTyped: boolean;
  readonly onChange: (value: string) => void;
}

function ImageList({ model, idPrefix, images, isTyped, onChange }: IImageListProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const { image } = form.cluster;
  const shown = images.find(each => each.image === image) ?? images[0];
  // The first is what is taken when nothing is said.
  const value = image === images[0]?.image ? '' : image;
  return (
    <ChoiceField
      id={`${idPrefix}-image-choice`}
      label={trans.__('Image')}
      isWide
      value={isTyped ? TYPED : value}
      choices={[
        { value: '', label: images[0]?.display_name ?? '' },
        ...images.slice(1).map(each => ({ value: each.image, label: each.display_name })),
        { value: TYPED, label: trans.__('Another image…') }
      ]}
      help={
        !isTyped &&
        shown && (
          <>
            {shown.description} <code>{shown.image}</code>
          </>
        )
      }
      error={isTyped ? undefined : errors['cluster.image']}
      onChange={onChange}
    />
  );
}

interface IImageLineProps extends IClusterProps {
  /** What is taken when nothing is typed. */
  readonly usual: OfferedImage | undefined;
  readonly onChange: (value: string) => void;
}

function ImageLine({ model, idPrefix, usual, onChange }: IImageLineProps): React.JSX.Element {
  const { trans, form, errors } = model;
  return (
    <TextField
      id={`${idPrefix}-image`}
      label={usual ? trans.__('Name of the image') : trans.__('Image')}
      isWide
      isCode
      placeholder={trans.__('registry.example.com/team/train:1.2')}
      value={form.cluster.image}
      help={usual && form.cluster.image.trim() === '' && trans.__('While this is empty: %1', usual.image)}
      error={errors['cluster.image']}
      onChange={onChange}
    />
  );
}
