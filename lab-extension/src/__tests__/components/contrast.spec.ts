/** Contrast of what we colour ourselves, computed from the style sheets of JupyterLab's themes and of ours. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Rgba = [number, number, number, number];

const OWN = readFileSync(join(__dirname, '../../../style/components.css'), 'utf8');
const JOBS = readFileSync(join(__dirname, '../../../style/jobs.css'), 'utf8');
const COMPARE = readFileSync(join(__dirname, '../../../style/compare.css'), 'utf8');
const PALETTE = read('@jupyterlab/apputils', 'materialcolors.css');
const STATES = ['good', 'bad', 'warn', 'live', 'quiet'];

describe.each(['theme-light-extension', 'theme-dark-extension', 'theme-dark-high-contrast-extension'])(
  '%s',
  theme => {
    const variables = declarations(PALETTE + read(`@jupyterlab/${theme}`, 'variables.css') + OWN + COMPARE);
    const colour = (name: string) => resolve(`var(${name})`, variables);

    it.each(STATES)('shows state “%s” at 4.5 : 1 or better, on a row and on a row pointed at', state => {
      for (const ground of ['--jp-layout-color1', '--jp-layout-color2']) {
        expect(contrast(colour(`--windlass-state-${state}`), colour(ground))).toBeGreaterThanOrEqual(4.5);
      }
    });

    it.each(STATES)('shows state “%s” at 4.5 : 1 or better in a list that is not current', state => {
      const stale = Number(/\.jp-mod-stale[^}]*opacity: ([\d.]+)/.exec(JOBS)?.[1]);
      const [red, green, blue] = colour(`--windlass-state-${state}`);
      expect(contrast([red, green, blue, stale], colour('--jp-layout-color1'))).toBeGreaterThanOrEqual(4.5);
    });

    it.each(['--jp-ui-font-color1'])('shows %s at 4.5 : 1 or better on all our grounds', name => {
      for (const ground of ['--jp-layout-color1', '--jp-layout-color2']) {
        expect(contrast(colour(name), colour(ground))).toBeGreaterThanOrEqual(4.5);
      }
    });

    it.each([0, 1, 2, 3, 4, 5])('shows the lines of charts in colour %i at 3 : 1 or better', line => {
      expect(
        contrast(colour(`--windlass-line-${line}`), colour('--jp-layout-color1'))
      ).toBeGreaterThanOrEqual(3);
    });

    it('shows progress and focus at 3 : 1 or better', () => {
      expect(contrast(colour('--jp-brand-color1'), colour('--jp-layout-color1'))).toBeGreaterThanOrEqual(3);
    });
  }
);

describe('the computation', () => {
  it('knows black on white and nothing on nothing', () => {
    expect(contrast([0, 0, 0, 1], [255, 255, 255, 1])).toBeCloseTo(21, 5);
    expect(contrast([9, 9, 9, 1], [9, 9, 9, 1])).toBe(1);
  });

  it('sees through what is half transparent', () => {
    expect(contrast([0, 0, 0, 0], [255, 255, 255, 1])).toBe(1);
  });
});

function read(of: string, file: string): string {
  return readFileSync(join(dirname(require.resolve(`${of}/package.json`)), 'style', file), 'utf8');
}

function declarations(css: string): Map<string, string> {
  const bare = css.replace(/\/\*.*?\*\//gs, '');
  return new Map(
    [...bare.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value.trim()])
  );
}

/** The colour that a value comes to: names, hex, rgba(), var() with or without fallback, and color-mix() in sRGB. */
function resolve(value: string, variables: Map<string, string>): Rgba {
  const reference = /^var\((--[\w-]+)(?:,\s*(.+))?\)$/s.exec(value);
  if (reference) {
    const [, name = '', fallback] = reference;
    const next = variables.get(name) ?? fallback;
    if (next === undefined) {
      throw new Error(`${name} is not defined`);
    }
    return resolve(next, variables);
  }
  const mix = /^color-mix\(in srgb, (\S+) (\d+)%, (.+)\)$/.exec(value);
  if (mix) {
    const [, one = '', percent = '', other = ''] = mix;
    const share = Number(percent) / 100;
    const second = resolve(other, variables);
    return resolve(one, variables).map((part, i) => part * share + (second[i] ?? 0) * (1 - share)) as Rgba;
  }
  return literal(value);
}

function literal(value: string): Rgba {
  const named: Record<string, Rgba> = { white: [255, 255, 255, 1], black: [0, 0, 0, 1] };
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(value)?.[1];
  if (hex) {
    const full = hex.length === 3 ? hex.replace(/./g, '$&$&') : hex;
    const [red = 0, green = 0, blue = 0] = [0, 2, 4].map(at => parseInt(full.slice(at, at + 2), 16));
    return [red, green, blue, 1];
  }
  const parts = /^rgba?\(([^)]+)\)$/.exec(value)?.[1]?.split(',').map(Number);
  const colour = parts ? ([...parts, 1].slice(0, 4) as Rgba) : named[value];
  if (!colour) {
    throw new Error(`“${value}” is no colour`);
  }
  return colour;
}

/** Contrast ratio of WCAG 2.1, section 1.4.3. */
function contrast(front: Rgba, ground: Rgba): number {
  const seen = front.map((part, i) => part * front[3] + (ground[i] ?? 0) * (1 - front[3])) as Rgba;
  const [light = 0, dark = 0] = [luminance(seen), luminance(ground)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance([red, green, blue]: Rgba): number {
  const [r = 0, g = 0, b = 0] = [red, green, blue].map(part => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
