"""What anyone writes in a mail, and so tells nothing of who wrote this one.

A stranger's header, tag or ending of a file may itself be a name or an address.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HEADERS = _words(
    "bcc cc comments content-class content-description content-disposition content-id "
    "content-language content-transfer-encoding content-type date dkim-signature errors-to from "
    "importance in-reply-to keywords list-id list-unsubscribe message-id mime-version organization "
    "precedence priority received references reply-to return-path sender subject to user-agent "
    "x-mailer x-mimeole x-msmail-priority x-priority"
)
TAGS = _words(
    "a abbr address area article aside b base basefont bgsound big blink blockquote body br button "
    "caption center code col dd div dl dt em embed fieldset font footer form frame frameset h1 h2 "
    "h3 h4 h5 h6 head header hr html i iframe img input ins label layer li link map marquee meta "
    "noframes noscript object ol optgroup option p param pre q s script select small span strike "
    "strong style sub sup table tbody td textarea tfoot th thead title tr tt u ul xml"
)
ENDINGS = _words(
    ".7z .asc .avi .bat .bin .bmp .cab .com .csv .doc .docm .docx .dll .eml .exe .gif .gz .htm "
    ".html .ics .img .iso .jar .jpeg .jpg .js .lnk .mp3 .mp4 .mpg .p7s .pdf .pif .png .ppt .pptx "
    ".ps .ps1 .rar .rtf .scr .sig .svg .tar .tgz .tif .txt .vbs .vcf .wav .wsf .xls .xlsm .xlsx "
    ".xml .zip"
)
