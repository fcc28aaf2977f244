"""Make ``reports/templates/reference.docx``, the look of the DOCX: pandoc's own reference document with our styles.

Run it with the package's ``report`` extra installed::

    python reports/reference.py reports/templates/reference.docx

Latin is set in Times New Roman and Arial, Chinese in SimSun and SimHei (宋体, 黑体), which every Word has.
"""

# ruff: noqa: E501 - one style a line reads better than Word's XML cut to pieces
from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pypandoc

from cbecmodel.report.docx import NOTICE

ACCENT = "1F4E79"
WORDML = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
BODY = '<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="SimSun" w:cs="Times New Roman"/>'
HEAD = '<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="SimHei" w:cs="Arial"/>'
RULE = 'w:val="single" w:sz="8" w:space="0" w:color="1F2933"'

HEADER = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:hdr {WORDML}><w:p><w:pPr><w:shd w:val="clear" w:color="auto" w:fill="FDF1E3"/><w:jc w:val="center"/></w:pPr>
<w:r><w:rPr>{HEAD}<w:color w:val="8A3D06"/><w:sz w:val="16"/></w:rPr><w:t xml:space="preserve">{NOTICE}</w:t></w:r></w:p></w:hdr>"""
FOOTER = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:ftr {WORDML}><w:p><w:pPr><w:jc w:val="right"/></w:pPr><w:r><w:rPr>{HEAD}<w:sz w:val="16"/></w:rPr><w:fldChar w:fldCharType="begin"/></w:r>
<w:r><w:rPr>{HEAD}<w:sz w:val="16"/></w:rPr><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r>
<w:r><w:rPr>{HEAD}<w:sz w:val="16"/></w:rPr><w:fldChar w:fldCharType="end"/></w:r></w:p></w:ftr>"""
SECTION = f"""<w:sectPr xmlns:r="{OFFICE}"><w:headerReference w:type="default" r:id="rIdHead"/><w:footerReference w:type="default" r:id="rIdFoot"/>
<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1190" w:bottom="1247" w:left="1190" w:header="680" w:footer="620" w:gutter="0"/>
</w:sectPr>"""


def paragraph(name: str, *, based: str = "BodyText", inside: str = "", letters: str = "") -> str:
    """Return a paragraph style; its id is its name without blanks."""
    return (
        f'<w:style w:type="paragraph" w:customStyle="1" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/>'
        f'<w:basedOn w:val="{based}"/><w:qFormat/><w:pPr>{inside}</w:pPr><w:rPr>{letters}</w:rPr></w:style>'
    )


def heading(level: int, size: int, before: int) -> str:
    """Return a heading style, kept with what follows."""
    return (
        f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/><w:basedOn w:val="Normal"/>'
        f'<w:next w:val="BodyText"/><w:uiPriority w:val="9"/><w:qFormat/><w:pPr><w:keepNext/><w:keepLines/>'
        f'<w:spacing w:before="{before}" w:after="120"/><w:outlineLvl w:val="{level - 1}"/></w:pPr>'
        f'<w:rPr>{HEAD}<w:b/><w:color w:val="{ACCENT}"/><w:sz w:val="{size}"/><w:szCs w:val="{size}"/></w:rPr></w:style>'
    )


STYLES = {
    "Title": '<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:basedOn w:val="Normal"/><w:next w:val="BodyText"/>'
    f'<w:qFormat/><w:pPr><w:spacing w:before="240" w:after="120"/></w:pPr><w:rPr>{HEAD}<w:b/><w:sz w:val="40"/></w:rPr></w:style>',
    "Subtitle": '<w:style w:type="paragraph" w:styleId="Subtitle"><w:name w:val="Subtitle"/><w:basedOn w:val="Normal"/>'
    '<w:next w:val="BodyText"/><w:qFormat/><w:pPr><w:spacing w:after="360"/></w:pPr><w:rPr><w:color w:val="5B6673"/></w:rPr></w:style>',
    "BodyText": '<w:style w:type="paragraph" w:styleId="BodyText"><w:name w:val="Body Text"/><w:basedOn w:val="Normal"/><w:qFormat/>'
    '<w:pPr><w:spacing w:before="100" w:after="100" w:line="300" w:lineRule="auto"/></w:pPr></w:style>',
    "Heading1": heading(1, 30, 480),
    "Heading2": heading(2, 23, 280),
    "Compact": paragraph("Compact", inside='<w:spacing w:before="24" w:after="24" w:line="240" w:lineRule="auto"/>', letters='<w:sz w:val="17"/><w:szCs w:val="17"/>'),
    "TableCaption": paragraph("Table Caption", based="Caption", inside='<w:keepNext/><w:spacing w:before="280" w:after="80"/>'),
    "ImageCaption": paragraph("Image Caption", based="Caption", inside='<w:spacing w:before="80" w:after="280"/>'),
    "Caption": '<w:style w:type="paragraph" w:styleId="Caption"><w:name w:val="caption"/><w:basedOn w:val="Normal"/><w:qFormat/>'
    f'<w:rPr>{HEAD}<w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr></w:style>',
    "CaptionedFigure": paragraph("Captioned Figure", inside='<w:keepNext/><w:jc w:val="center"/>'),
    "Bibliography": paragraph("Bibliography", inside='<w:ind w:left="420" w:hanging="420"/>'),
    "TableNote": paragraph("Table Note", inside='<w:spacing w:before="60" w:after="240" w:line="240" w:lineRule="auto"/>', letters='<w:color w:val="5B6673"/><w:sz w:val="16"/><w:szCs w:val="16"/>'),
    "BlockText": '<w:style w:type="paragraph" w:styleId="BlockText"><w:name w:val="Block Text"/><w:basedOn w:val="BodyText"/><w:qFormat/>'
    f'<w:pPr><w:pBdr><w:left w:val="single" w:sz="18" w:space="8" w:color="{ACCENT}"/></w:pBdr><w:shd w:val="clear" w:color="auto" w:fill="F3F6F9"/>'
    f'<w:ind w:left="200"/></w:pPr><w:rPr>{HEAD}<w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr></w:style>',
    "Table": '<w:style w:type="table" w:default="1" w:styleId="Table"><w:name w:val="Table"/><w:qFormat/><w:tblPr><w:tblBorders>'
    f'<w:top {RULE}/><w:bottom {RULE}/></w:tblBorders><w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr>'
    '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr><w:tcPr><w:tcBorders><w:bottom w:val="single" w:sz="4" w:space="0" w:color="1F2933"/></w:tcBorders>'
    '<w:vAlign w:val="bottom"/></w:tcPr></w:tblStylePr></w:style>',
}  # fmt: skip


def styled(styles: str) -> str:
    """Return pandoc's styles with ours in their place, and our fonts everywhere."""
    for name, style in STYLES.items():
        found = re.compile(rf'<w:style [^>]*w:styleId="{name}">.*?</w:style>', re.DOTALL)
        styles = (
            found.sub(lambda _, put=style: put, styles)
            if found.search(styles)
            else styles.replace("</w:styles>", f"{style}</w:styles>")
        )
    styles = re.sub(r'<w:rFonts\s+w:asciiTheme="minorHAnsi"[^>]*/>', BODY, styles)
    styles = re.sub(r"<w:rFonts\s+[^>]*major[^>]*/>", HEAD, styles)
    return styles.replace('<w:sz w:val="24" />', '<w:sz w:val="21" />', 1).replace(
        '<w:szCs w:val="24" />', '<w:szCs w:val="21" />', 1
    )


def main(target: str) -> None:
    """Write the reference document."""
    command = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    with zipfile.ZipFile(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)) as given:
        parts = {name: given.read(name).decode("utf-8") for name in given.namelist()}
    parts["word/styles.xml"] = styled(parts["word/styles.xml"])
    parts["word/header1.xml"], parts["word/footer1.xml"] = HEADER, FOOTER
    parts["word/document.xml"] = re.sub(
        r"<w:sectPr.*?</w:sectPr>", SECTION, parts["word/document.xml"], flags=re.DOTALL
    )
    relation = '<Relationship Type="{0}/{1}" Id="{2}" Target="{1}1.xml"/>'
    links = relation.format(OFFICE, "header", "rIdHead") + relation.format(OFFICE, "footer", "rIdFoot")
    parts["word/_rels/document.xml.rels"] = parts["word/_rels/document.xml.rels"].replace(
        "</Relationships>", f"{links}</Relationships>"
    )
    kind = '<Override PartName="/word/{0}1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.{0}+xml"/>'
    kinds = kind.format("header") + kind.format("footer")
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", f"{kinds}</Types>")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in parts.items():
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    Path(target).write_bytes(stream.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
