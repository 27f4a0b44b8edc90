"""Google's own clients with a double of Google Drive.

session.py URL CREDENTIALS: CREDENTIALS is a JSON object with `authorized_user` and `service_account`.
What happened is printed as one JSON object.
"""

import io
import json
import pathlib
import sys
import urllib.request

import googleapiclient
import httplib2
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaInMemoryUpload, MediaIoBaseDownload, MediaIoBaseUpload

URL, GIVEN = sys.argv[1], json.loads(sys.argv[2])
SCOPES = ["https://www.googleapis.com/auth/drive"]


def service(name, creds):
    """A client whose document says that Google is here: `api_endpoint` would move only metadata."""
    documents = pathlib.Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    document = json.loads((documents / f"{name}.json").read_text())
    document["rootUrl"] = f"{URL}/"
    document["baseUrl"] = f"{URL}/{document['servicePath']}"
    document.pop("mtlsRootUrl", None)
    # 308 is no redirect here, but the answer to a chunk.
    http = httplib2.Http(timeout=30)
    http.redirect_codes = http.redirect_codes - {308}
    return build_from_document(document, http=AuthorizedHttp(creds, http=http))


def fault(**what):
    body = json.dumps(what).encode()
    urllib.request.urlopen(urllib.request.Request(f"{URL}/__double/fault", body, method="POST")).read()


def refused(call):
    try:
        call()
    except HttpError as error:
        return [error.status_code, error.error_details[0]["reason"]]
    return None


def download(request, size):
    out, pieces = io.BytesIO(), 0
    loader = MediaIoBaseDownload(out, request, chunksize=size)
    done = False
    while not done:
        _, done = loader.next_chunk(num_retries=2)
        pieces += 1
    return out.getvalue(), pieces


told = {}
user = credentials.Credentials.from_authorized_user_info(GIVEN["authorized_user"], SCOPES)
user._token_uri = GIVEN["authorized_user"]["token_uri"]
user.refresh(Request())
drive = service("drive.v3", user)

told["about"] = drive.about().get(fields="user/emailAddress").execute()["user"]["emailAddress"]
found = drive.files().list(q=r"name contains 'it\'s' and trashed = false", fields="files(id,name)")
told["found"] = [file["name"] for file in found.execute()["files"]]
told["bad query"] = refused(drive.files().list(q="hello world").execute)

names, request = [], drive.files().list(pageSize=2, orderBy="name", fields="nextPageToken,files(name)")
while request is not None:
    page = request.execute()
    names += [file["name"] for file in page["files"]]
    request = drive.files().list_next(request, page)
told["pages"] = names

content, pieces = download(drive.files().get_media(fileId="big"), 256 * 1024)
told["download"] = [len(content), pieces]
fault(on="drive.files.get", act={"refuse": {"status": 503}})
told["after 503"] = len(download(drive.files().get_media(fileId="its"), 1024)[0])
told["export"] = drive.files().export(fileId="doc", mimeType="text/markdown").execute().decode()

data = bytes(range(256)) * 4096
fault(on="upload.chunk", after=1, act={"refuse": {"status": 503}})
media = MediaIoBaseUpload(io.BytesIO(data), "application/x-test", chunksize=256 * 1024, resumable=True)
upload = drive.files().create(body={"name": "up.bin"}, media_body=media, fields="id,size,md5Checksum")
steps, answer = [], None
while answer is None:
    try:
        # Not with `num_retries`: the client would send its stream again from where it ended.
        status, answer = upload.next_chunk()
        steps.append(status.resumable_progress if status else None)
    except HttpError as error:
        steps.append(error.status_code)
told["upload"], told["steps"] = answer, steps
told["same"] = download(drive.files().get_media(fileId=answer["id"]), 512 * 1024)[0] == data

text = MediaInMemoryUpload(b"line one\r\nline two\n", "text/plain")
made = drive.files().create(body={"name": "two.txt"}, media_body=text, fields="id,mimeType").execute()
told["multipart"] = [made["mimeType"], drive.files().get_media(fileId=made["id"]).execute().decode()]
new = MediaInMemoryUpload(b"changed", "text/plain")
drive.files().update(fileId=made["id"], media_body=new).execute()
told["revisions"] = len(drive.revisions().list(fileId=made["id"]).execute()["revisions"])
copied = drive.files().copy(fileId=made["id"], body={"name": "copy"}, fields="name").execute()
told["copy"] = copied["name"]

permission = {"type": "user", "role": "reader", "emailAddress": "bob@example.com"}
told["permission"] = drive.permissions().create(fileId=made["id"], body=permission).execute()["role"]
comments = drive.comments()
comment = comments.create(fileId=made["id"], body={"content": "?"}, fields="id").execute()
reply = {"content": "!", "action": "resolve"}
drive.replies().create(
    fileId=made["id"], commentId=comment["id"], body=reply, fields="id"
).execute()
told["comment"] = comments.list(fileId=made["id"], fields="comments(resolved)").execute()["comments"]
told["drives"] = [one["name"] for one in drive.drives().list().execute()["drives"]]
told["team file"] = refused(drive.files().get(fileId="team").execute)
token = drive.changes().getStartPageToken().execute()["startPageToken"]
drive.files().update(fileId=made["id"], body={"trashed": True}).execute()
changes = drive.changes().list(pageToken=token, fields="changes(file(trashed))").execute()
told["changes"] = changes["changes"]
drive.files().emptyTrash().execute()
told["gone"] = refused(drive.files().get(fileId=made["id"]).execute)
fault(on="drive.files.list", act={"refuse": {"status": 403, "reason": "rateLimitExceeded"}})
told["retried"] = len(drive.files().list().execute(num_retries=1)["files"]) > 0

# An access token that ended is refreshed, and the call is made again.
before = user.token
urllib.request.urlopen(
    urllib.request.Request(f"{URL}/__double/advance", b'{"seconds": 3600}', method="POST")
).read()
told["refreshed"] = drive.files().get(fileId="doc").execute()["name"] == "Doc" and user.token != before

robot = service_account.Credentials.from_service_account_info(GIVEN["service_account"], scopes=SCOPES)
email = service("drive.v3", robot).about().get(fields="user(emailAddress)").execute()
told["robot"] = email["user"]["emailAddress"]
on_behalf = robot.with_subject("bob@example.com")
email = service("drive.v3", on_behalf).about().get(fields="user(emailAddress)").execute()
told["on behalf"] = email["user"]["emailAddress"]
stored = service("drive.v3", robot).files().create(body={"name": "x"}, media_body=text)
told["no quota"] = refused(stored.execute)

sheets = service("sheets.v4", user).spreadsheets()
told["sheet"] = sheets.values().get(spreadsheetId="sheet", range="Tab!A1:B").execute()["values"]
document = service("docs.v1", user).documents().get(documentId="doc", includeTabsContent=True).execute()
told["tabs"] = len(document["tabs"])

print(json.dumps(told))
