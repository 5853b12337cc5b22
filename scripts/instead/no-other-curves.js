/** In place of the curves of recipients that we have none of: their tables are made as they load. */
export const MLKEM768P256 = undefined;
export const MLKEM768X25519 = undefined;
export const p256 = undefined;
