/** A Lumino widget where React renders: attached with the element, disposed with it. */
import { Widget } from '@lumino/widgets';
import * as React from 'react';

interface IWidgetHostProps {
  readonly className?: string;
  /** Makes the widget; another function makes another widget. */
  readonly make: () => Widget;
}

/** The element that the widget stands in. */
export function WidgetHost({ className, make }: IWidgetHostProps): React.JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    if (!host.current) {
      return undefined;
    }
    const widget = make();
    Widget.attach(widget, host.current);
    return () => widget.dispose();
  }, [make]);
  return <div ref={host} className={className} />;
}
