/** The expression by which n8n reads a value from a secrets engine: folders and names are nested objects there. */

/**
 * `{{ $secrets.vault.secret.credsetup.chat.token }}`; what is no identifier stands in brackets,
 * since n8n's expressions are JavaScript (measured, n8n 2.41.1: providers/vault.js).
 *
 * @param path mount, folder and name: `secret/credsetup/chat`
 */
export function secretExpression(path: string, field: string): string {
  const parts = [...path.split('/'), field].map((part) => (/^[A-Za-z_$][\w$]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part).replaceAll('"', '\'')}]`));
  return `{{ $secrets.vault${parts.join('')} }}`;
}
