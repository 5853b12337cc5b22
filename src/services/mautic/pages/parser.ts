/**
 * The HTML parser, a browser's rules in it; loaded with the first page.
 */
import { parse as parseHtml } from 'parse5';
import { adapter, type Htmlparser2TreeAdapterMap } from 'parse5-htmlparser2-tree-adapter';

type Document = Htmlparser2TreeAdapterMap['document'];

/** Browsers stop at 512; Mautic's pages stay below 60. */
const deepest = 500;

/**
 * Reads a page. Throws RangeError for one that is nested deeper than any page is: the parser walks
 * up what is open at each tag, and 5 MB of `<div>` would take it hours.
 */
export function parse(html: string): Document {
  let open = 0;
  return parseHtml<Htmlparser2TreeAdapterMap>(html, {
    treeAdapter: {
      ...adapter,
      onItemPush: () => {
        open += 1;
        if (open > deepest) throw new RangeError('nested too deep');
      },
      onItemPop: () => { open -= 1; },
    },
  });
}
