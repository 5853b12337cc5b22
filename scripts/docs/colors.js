/** Colours of the pictures: what a page of GitHub has around them, light and dark. */
export const themes = {
  light: {
    page: '#ffffff', panel: '#f6f8fa', line: '#d0d7de', text: '#1f2328', quiet: '#59636e',
    ansi: { 1: '#cf222e', 2: '#116329', 3: '#7d4e00', 6: '#0a6a85' }, accent: '#0969da', secret: '#8250df',
  },
  dark: {
    page: '#0d1117', panel: '#161b22', line: '#3d444d', text: '#e6edf3', quiet: '#9198a1',
    ansi: { 1: '#ff7b72', 2: '#56d364', 3: '#e3b341', 6: '#56d4dd' }, accent: '#4493f8', secret: '#ab7df8',
  },
};

/** Text for XML. */
export function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);
}

export const monospace = 'ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', \'Liberation Mono\', monospace';
export const sans = '-apple-system, BlinkMacSystemFont, \'Segoe UI\', \'Noto Sans\', Helvetica, Arial, sans-serif';
